#!/bin/bash
# android-jar.sh FILE
# For machines without an Android SDK: Android 6's classes, of Debian sid's `libandroid-23-java`, to type-check Kotlin against.
# apt gets its own state folder, so that the system's package lists stay unchanged.
set -euo pipefail
apt=$(mktemp -d)
trap 'rm -rf "$apt"' EXIT
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$(dirname "$1")"
sed -E '0,/^Suites:.*/s//Suites: sid/' /etc/apt/sources.list.d/debian.sources |
  awk 'BEGIN{RS="";ORS="\n\n"} NR==1' >"$apt/x.sources"
options="-o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=$apt -o Dir::State::Lists=$apt/lists -o Dir::Cache=$apt/cache"
options="$options -o APT::Sandbox::User=root"
apt-get $options -qq update
(cd "$apt" && apt-get $options -qq download libandroid-23-java)
dpkg-deb --fsys-tarfile "$apt"/libandroid-23-java_*.deb | tar -xO ./usr/share/java/com.android.android-23.jar >"$1.part"
mv "$1.part" "$1"
