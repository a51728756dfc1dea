#!/usr/bin/env bash
# Builds maker.bpf.o, which is committed: ./build.sh [OUTPUT]. With the same tools and in the same
# manner as xdp-prog/build.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
version=$(<"$here/../../../xdp-prog/CLANG_VERSION")
output=$(realpath -m "${1:-$here/maker.bpf.o}")

for tool in "clang-$version" "llvm-strip-$version"; do
  if ! command -v "$tool" >/dev/null; then
    echo "build.sh: $tool is missing; install clang-$version and llvm-$version" >&2
    exit 2
  fi
done

cd "$here"
"clang-$version" -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Werror \
  -fno-jump-tables -fno-stack-protector -fno-ident \
  -idirafter "/usr/include/$(uname -m)-linux-gnu" \
  "-ffile-prefix-map=$here=." "-fdebug-prefix-map=$here=." \
  -c maker.bpf.c -o "$output"
"llvm-strip-$version" --strip-debug --discard-all "$output"
