#!/bin/bash
# toolchain.sh FOLDER TARGET...
# For machines where rustup cannot download targets: copies the installed Rust toolchain to FOLDER and builds the standard library
# from Debian's `rust-src` of the same version. Enough for `cargo clippy --target`. Changes nothing outside FOLDER.
# MODE=build makes a library that links, for aarch64-linux-android and x86_64-pc-windows-gnu (needs mingw's dlltool on the PATH).
set -euo pipefail
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
mode=${MODE:-check}
release=$(rustc -vV | sed -n 's/^release: //p')
installed=$(rustc --print sysroot)
toolchain=$folder/tc
source=$toolchain/lib/rustlib/src/rust

if [ ! -d "$source/library" ]; then
  # That version may not be in this machine's Debian release. apt gets its own state folder, so that the system's package lists
  # stay unchanged.
  apt=$folder/apt
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  if [ ! -r /etc/apt/sources.list.d/debian.sources ]; then
    echo "This system has no /etc/apt/sources.list.d/debian.sources, so rust-src cannot be downloaded from Debian. Use rustup: rustup target add $*"
    exit 3
  fi
  sed -E '0,/^Suites:.*/s//Suites: trixie-backports sid/' /etc/apt/sources.list.d/debian.sources |
    awk 'BEGIN{RS="";ORS="\n\n"} NR==1' >"$apt/x.sources"
  options="-o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=$apt -o Dir::State::Lists=$apt/lists -o Dir::Cache=$apt/cache"
  options="$options -o APT::Sandbox::User=root -o APT::Get::List-Cleanup=0"
  apt-get $options -qq update
  version=$(apt-cache $options madison rust-src | awk -v r="$release" 'index($3,r"+")==1{print $3; exit}')
  if [ -z "$version" ]; then
    echo "Debian no longer has rust-src for rustc $release, so the standard library cannot be built for other systems."
    echo "Use rustup (rustup target add $*), or rustc in one of these versions:"
    apt-cache $options madison rust-src
    exit 3
  fi
  (cd "$apt" && apt-get $options -qq download "rust-src=$version")
  rm -rf "$toolchain"
  cp -al "$installed" "$toolchain" 2>/dev/null || { rm -rf "$toolchain"; cp -a "$installed" "$toolchain"; }
  rm -rf "$folder/src"
  mkdir -p "$folder/src" "$source"
  dpkg-deb -x "$apt"/rust-src_*.deb "$folder/src"
  # As -Zbuild-std does: without a shared object of std no linker for the other system is needed.
  sed -i 's/crate-type = \["dylib", "rlib"\]/crate-type = ["rlib"]/' "$folder/src/usr/src/rustc-$release/library/std/Cargo.toml"
  mv "$folder/src/usr/src/rustc-$release/library" "$source/library"
  rm -rf "$folder/src" "$apt"
fi

export PATH=$toolchain/bin:$PATH LD_LIBRARY_PATH=$toolchain/lib RUSTC=$toolchain/bin/rustc CARGO_TARGET_DIR=$folder/target-std RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Zforce-unstable-if-unmarked --cap-lints=allow"
# Our release profile optimises at link time, which needs the bitcode.
[ "$mode" = build ] && RUSTFLAGS="$RUSTFLAGS -Cembed-bitcode=yes"
for target in "$@"; do
  lib=$toolchain/lib/rustlib/$target/lib
  [ -e "$lib/.$mode" ] && continue
  echo "the standard library for $target"
  "$toolchain/bin/cargo" "$mode" -q --release --target "$target" --manifest-path "$source/library/sysroot/Cargo.toml" \
    --features "panic-unwind backtrace compiler-builtins-mem"
  rm -rf "$lib"
  mkdir -p "$lib"
  kind=rmeta
  [ "$mode" = build ] && kind=rlib
  cp "$folder/target-std/$target/release/deps/"*."$kind" "$lib"/
  if [ "$mode" = build ] && [[ $target == *-windows-gnu ]]; then
    for object in rsbegin rsend; do
      RUSTFLAGS= rustc --target "$target" --emit=obj -o "$lib/$object.o" "$source/library/rtstartup/$object.rs"
    done
  fi
  touch "$lib/.$mode"
done
rm -rf "$folder/target-std"
