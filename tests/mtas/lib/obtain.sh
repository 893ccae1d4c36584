# Where mail servers come from: for the functions `obtain DIR` of each edition, which make DIR/tree, to be
# laid over /, unless it is there.

# What fails here fails for all rows alike.
cannot() {
    echo "tests/mtas: $*" >&2
    exit 1
}

# obtain_packages DIR PACKAGE...: Debian's, with what they need and this machine has not.
obtain_packages() {
    local dir=$1 deb
    shift
    [ "$(cat "$dir/tree/complete" 2>/dev/null)" != "$*" ] || return 0
    command -v apt-get >/dev/null || cannot "Debian's apt-get is needed to get $1"
    echo "getting Debian's $1"
    rm -rf "$dir"
    mkdir -p "$dir/archives/partial" "$dir/tree/"{usr/lib,etc,var}
    local get=(apt-get install -y -qq --download-only --reinstall --no-install-recommends
        -o "Dir::Cache::archives=$dir/archives" -o APT::Sandbox::User=root "$@")
    "${get[@]}" >"$dir/log" 2>&1 || {
        apt-get update -qq
        "${get[@]}" >"$dir/log" 2>&1 || { cat "$dir/log"; cannot "apt-get has no $1"; }
    }
    for deb in "$dir"/archives/*.deb; do dpkg -x "$deb" "$dir/tree"; done
    # What packages still have outside of /usr.
    [ ! -d "$dir/tree/lib" ] || cp -a "$dir/tree/lib/." "$dir/tree/usr/lib/"
    echo "$*" >"$dir/tree/complete"
}

# download_source DIR RELEASE PACKAGE: its newest upstream tarball, by the mirror that this machine
# uses, without touching this machine's lists.
download_source() {
    local dir=$1 release=$2 package=$3 mirror
    mirror=$(apt-get indextargets --format '$(SITE)' 'Origin: Debian' 'Created-By: Packages' |
        grep -v security | head -n 1)
    [ -n "$mirror" ] || cannot "apt has no mirror of Debian: apt-get update may help"
    mkdir -p "$dir/apt/"{parts,lists/partial,cache/archives/partial}
    cat >"$dir/apt/sources.list" <<SOURCES
deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main
SOURCES
    local options=(-o "Dir::Etc::SourceList=$dir/apt/sources.list" -o "Dir::Etc::SourceParts=$dir/apt/parts"
        -o "Dir::State::Lists=$dir/apt/lists" -o "Dir::Cache=$dir/apt/cache" -o APT::Sandbox::User=root)
    {
        apt-get "${options[@]}" update -qq &&
            (cd "$dir" && apt-get "${options[@]}" source -qq --download-only --tar-only "$package")
    } >"$dir/log" 2>&1 || { cat "$dir/log"; cannot "the source of $package in $release cannot be had"; }
}
