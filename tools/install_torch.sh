#!/bin/sh
# Installs the torch that a constraints file pins, without what it depends on.
#
# usage: install_torch.sh PYTHON CONSTRAINTS [cpu|cuda|INDEX_URL]
#
# cpu (the default): PyPI's torch for Linux brings several GB of CUDA libraries, so the CPU build is
# taken from the configured package index where it is offered, else from PyTorch's own index, and
# only where neither has it is PyPI's taken. On other systems PyPI's torch is the CPU build.
# cuda: PyPI's torch. INDEX_URL: the build offered there, as https://download.pytorch.org/whl/cu130.
set -eu
python=$1
pin=$(sed -n 's/^\(torch==[0-9.]*\).*/\1/p' "$2")
build=${3:-cpu}

install() {
    "$python" -m pip install --quiet --no-deps "$@"
}

case $build in
    cpu)
        if [ "$(uname -s)" = Linux ]; then
            install "$pin+cpu" 2>/dev/null && exit
            install --retries 1 --index-url https://download.pytorch.org/whl/cpu "$pin+cpu" 2>/dev/null && exit
            echo "no CPU build of $pin is offered here; installing PyPI's" >&2
        fi
        install "$pin"
        ;;
    cuda) install "$pin" ;;
    *) install --index-url "$build" "$pin" ;;
esac
