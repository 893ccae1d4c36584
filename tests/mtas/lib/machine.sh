# A machine of its own: network, /usr with the mail server, /etc, /var, /run.

# private_machine TREE WORK: to be called in new namespaces.
private_machine() {
    local tree=$1 work=$2 dir
    ip link set lo up
    echo client.test >/proc/sys/kernel/hostname
    mount -t tmpfs -o mode=755 tmpfs "$work"
    for dir in usr etc var; do
        mkdir -p "$work/upper/$dir" "$work/scratch/$dir"
        mount -t overlay overlay "/$dir" \
            -o "lowerdir=$tree/$dir:/$dir,upperdir=$work/upper/$dir,workdir=$work/scratch/$dir"
    done

    # Empty, so that no socket of this machine's servers is there.
    mount -t tmpfs -o mode=755 tmpfs /run
    ldconfig

    # A new file, as this one may be a mount or a link to somewhere else.
    rm -f /etc/resolv.conf
    # The C library hides the AD bit unless it is told to trust it.
    printf 'nameserver 127.0.0.1\noptions edns0 trust-ad timeout:2 attempts:2\n' >/etc/resolv.conf
    rm -f /etc/hosts
    printf '127.0.0.1 localhost client.test\n' >/etc/hosts
    sed -i 's/^hosts:.*/hosts: files dns/' /etc/nsswitch.conf
    prepare_machine
}

add_group() {
    grep -q "^$1:" /etc/group || echo "$1:x:$2:" >>/etc/group
}

# add_user NAME NUMBER HOME: with a group of its own.
add_user() {
    add_group "$1" "$2"
    grep -q "^$1:" /etc/passwd || echo "$1:x:$2:$2::$3:/usr/sbin/nologin" >>/etc/passwd
}

# within SECONDS COMMAND...: until it succeeds.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

# is_open PORT: something listens there.
is_open() {
    (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}
