#!/bin/sh
# Stands in for another system's C compiler while Rust is type-checked: every object it makes is empty. What passes with it
# says nothing about C code, and nothing about linking.
out= prev= preprocess= resource=
for argument in "$@"; do
  case "$prev" in -o) out=$argument ;; esac
  case "$argument" in
    --version | -v) echo "clang version 19.0.0 (only for type checks)"; exit 0 ;;
    -E) preprocess=1 ;;
    *.rc) resource=$argument ;;
    -Fo* | /Fo*) out=${argument#???} ;;
  esac
  prev=$argument
done
if [ -n "$preprocess" ]; then
  [ -n "$resource" ] && exec gcc -E -P -undef -xc -DRC_INVOKED "$resource"
  # The `cc` crate asks for the compiler's family like this.
  echo clang
  echo '"clang"'
  exit 0
fi
[ -n "$out" ] && : >"$out"
exit 0
