#!/bin/sh
# Links for Android without an NDK, against stubs of its libraries: see xtask/src/android.rs. Some dependencies are linked too, so
# this can't be link arguments of the app alone.
exec clang-19 "--target=$ANDROID_CLANG_TARGET" -fuse-ld=lld -nostartfiles "-L$ANDROID_STUBS" -Wl,-z,defs "$@"
