#!/usr/bin/env bash
# Builds medtap.bpf.o, which is committed: ./build.sh [OUTPUT]. Needs the clang and llvm-strip of
# CLANG_VERSION and libbpf's headers (Debian: clang-14 llvm-14 libbpf-dev linux-libc-dev). The
# same compiler makes the same bytes wherever the sources lie.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
version=$(<"$here/CLANG_VERSION")
output=$(realpath -m "${1:-$here/medtap.bpf.o}")

for tool in "clang-$version" "llvm-strip-$version"; do
  if ! command -v "$tool" >/dev/null; then
    echo "build.sh: $tool is missing; install clang-$version and llvm-$version" >&2
    exit 2
  fi
done

cd "$here/src"
# -g for BTF; DWARF is stripped. -mcpu=v3: kernels from 5.10 on have it. The system's folders
# of headers are named by the machine that builds, not by its target.
"clang-$version" -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Werror \
  -fno-jump-tables -fno-stack-protector -fno-ident \
  -idirafter "/usr/include/$(uname -m)-linux-gnu" \
  "-ffile-prefix-map=$here/src=." "-fdebug-prefix-map=$here/src=." \
  -c medtap.bpf.c -o "$output"
"llvm-strip-$version" --strip-debug --discard-all "$output"
