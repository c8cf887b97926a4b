#!/bin/sh
# Fake archiver for type-checks: creates empty archives. See cc.sh.
for argument in "$@"; do
  case "$argument" in
    -out:* | /out:* | -OUT:* | /OUT:*) printf '!<arch>\n' >"${argument#?????}"; exit 0 ;;
    *.a | *.lib) printf '!<arch>\n' >"$argument"; exit 0 ;;
  esac
done
exit 0
