#!/bin/sh
# Builds maker.bpf.o, which is committed: building the benches needs no clang.
set -eu
cd "$(dirname "$0")"
clang="${CLANG:-clang-14}"
"$clang" -O2 -g -target bpf -Wall -Werror -ffile-prefix-map="$PWD=." \
	-I"/usr/include/$(uname -m)-linux-gnu" -c maker.bpf.c -o maker.bpf.o
"${STRIP:-llvm-strip-14}" -g maker.bpf.o
