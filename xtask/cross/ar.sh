#!/bin/sh
# The archiver beside cc.sh: every archive it makes is empty.
for argument in "$@"; do
  case "$argument" in
    -out:* | /out:* | -OUT:* | /OUT:*) printf '!<arch>\n' >"${argument#?????}"; exit 0 ;;
    *.a | *.lib) printf '!<arch>\n' >"$argument"; exit 0 ;;
  esac
done
exit 0
