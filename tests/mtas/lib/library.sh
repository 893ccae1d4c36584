# libmtasts for mail servers that link with it.

# obtain_library DIR: sets `library` to where it is installed: MTASTS_PREFIX, or DIR/mtasts, built from this
# repository. cargo and install do nothing that is already done.
obtain_library() {
    local dir=$1
    if [ -n "${MTASTS_PREFIX:-}" ]; then
        library=$MTASTS_PREFIX
        [ -e "$library/include/mtasts.h" ] || cannot "MTASTS_PREFIX is $library, where there is no include/mtasts.h"
        return
    fi
    library=$dir/mtasts
    mkdir -p "$dir"
    nice "$root/ffi/install" --prefix "$library" >"$dir/library.log" 2>&1 || {
        tail -n 30 "$dir/library.log"
        cannot "libmtasts does not build; $dir/library.log says why"
    }
}

# library_sum: changes when the library or its header does, to tell whether what was built with it is of today.
library_sum() {
    cat "$library"/include/mtasts.h "$library"/lib/libmtasts.so | sha256sum | cut -d ' ' -f 1
}

# add_library TREE: the shared library into a tree that will be laid over /.
add_library() {
    mkdir -p "$1/usr/local/lib"
    cp -a "$library"/lib/libmtasts.so* "$1/usr/local/lib/"
}
