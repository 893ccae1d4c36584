# OpenSMTPD with the patch of bindings/opensmtpd, built from the tarball of a Debian release to come.

# obtain_patched DIR RELEASE VERSION: built anew if the patch, the library or this file has changed.
obtain_patched() {
    local dir=$1 release=$2 version=$3 patch=$root/bindings/opensmtpd/patch key
    obtain_library "$dir"
    key=$(cd "$patch" && find . -type f -print0 | sort -z | xargs -0 sha256sum | cat - "$here/opensmtpd/build.sh" | sha256sum)
    key="$version ${key%% *} $(library_sum)"
    [ "$(cat "$dir/tree/complete" 2>/dev/null)" != "$key" ] || return 0
    command -v apt-get >/dev/null || cannot "Debian's apt-get is needed to get the source of OpenSMTPD"
    mkdir -p "$dir"
    if [ ! -e "$dir/opensmtpd_$version.orig.tar.gz" ]; then
        echo "getting the source of OpenSMTPD $version"
        download_source "$dir" "$release" opensmtpd
        rm -rf "$dir/apt"
        [ -e "$dir/opensmtpd_$version.orig.tar.gz" ] || cannot "Debian's $release has another OpenSMTPD than $version by now"
    fi
    rm -rf "$dir/tree" "$dir/source"
    mkdir -p "$dir/tree/"{usr,etc,var}
    echo "building OpenSMTPD $version with MTA-STS"
    build_opensmtpd "$dir" "$version" --with-mta-sts >"$dir/log" 2>&1 </dev/null || {
        tail -n 30 "$dir/log"
        cannot "OpenSMTPD $version does not build; $dir/log says why"
    }
    add_library "$dir/tree"
    rm -rf "$dir/source"
    echo "$key" >"$dir/tree/complete"
}

# build_opensmtpd DIR VERSION OPTION...: into DIR/tree.
build_opensmtpd() {
    local dir=$1 version=$2
    shift 2
    "$patch/apply" "$dir/opensmtpd_$version.orig.tar.gz" "$dir/source" &&
        compile_opensmtpd "$dir" "$@" &&
        nice make -s -C "$dir/source" install DESTDIR="$dir/tree"
}

# compile_opensmtpd DIR OPTION...: what is in DIR/source.
compile_opensmtpd() (
    cd "$1/source" &&
        sh bootstrap &&
        PKG_CONFIG_PATH=${library:-}/lib/pkgconfig nice ./configure -q --prefix=/usr --sysconfdir=/etc/smtpd \
            --with-user-smtpd=opensmtpd --with-user-queue=opensmtpq --with-group-queue=opensmtpq \
            --with-path-empty=/var/lib/opensmtpd/empty "${@:2}" &&
        nice make -s -j"$(nproc)"
)
