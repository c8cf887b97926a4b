#!/bin/sh
# Fake C compiler for type-checking Rust for another system: creates empty objects, so C code and linking stay unchecked.
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
  # The `cc` crate detects the compiler's family like this.
  echo clang
  echo '"clang"'
  exit 0
fi
[ -n "$out" ] && : >"$out"
exit 0
