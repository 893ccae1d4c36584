# Exim: its configuration, mail through it, and what its log says of that. An edition tells where its program is
# (exim_binary) and how MTA-STS is configured (exim_conf).

exim_binary() { echo /usr/sbin/exim4; }

# What Debian's postinst does.
prepare_machine() {
    add_user Debian-exim 622 /var/spool/exim4
    add_group adm 4
}

start_mta() {
    mkdir -p /var/spool/exim4 /var/log/exim4 /etc/exim4 /run/exim4
    chown Debian-exim: /var/spool/exim4 /var/log/exim4 /run/exim4
    : >/var/log/exim4/mainlog
    chown Debian-exim: /var/log/exim4/mainlog
    configure_mta
}

# Without a daemon of its own: every message has a process.
configure_mta() {
    exim_conf >/etc/exim4/exim4.conf
    exim -bV >"$work/exim.start" 2>&1 || die "Exim does not read its configuration" "$work/exim.start"
}

exim() { "$(exim_binary)" "$@"; }

# Main options that every edition's configuration begins with.
lab_options() {
    cat <<CONF
primary_hostname = client.test
qualify_domain = client.test
keep_environment =
disable_ipv6
CONF
}

# fail_open yes|no: what becomes of mail when the daemon gives no answer.
fail_open() {
    fails_open=$1
    configure_mta
}
fails_open=no

version() { exim -bV | sed -n 's/^Exim version \([^ ]*\).*/Exim \1/p'; }

# send FROM-NAME RECIPIENT...: into the queue, and on its way at once.
send() {
    printf 'From: <%s@client.test>\nSubject: a row of the table\n\nHello.\n' "$1" |
        exim -odb -oi -f "$1@client.test" -- "${@:2}"
}

# Another try for all that waits, whatever the retry times.
try_again() { exim -qff; }

mark_mta() { wc -l </var/log/exim4/mainlog; }

# exim_log SINCE: what came later.
exim_log() { tail -n "+$((${1%%:*} + 1))" /var/log/exim4/mainlog; }

# outcome_of SINCE RECIPIENT: by the last line about it.
outcome_of() {
    local line
    line=$(last_line "$@")
    case " $line " in
    *" => "*" CV=yes "* | *" -> "*" CV=yes "* | *" => "*" CV=dane "* | *" -> "*" CV=dane "*) echo verified ;;
    *" => "* | *" -> "*) echo delivered ;;
    *" == "*) echo deferred ;;
    *" ** "*) echo bounced ;;
    esac
}

# last_line SINCE RECIPIENT: a line such as "DATE TIME ID => RECIPIENT R=... T=...".
last_line() {
    exim_log "$1" | awk -v to="$2" '$4 ~ /^(=>|->|==|\*\*)$/ && ($5 == to || $5 == to ":") { last = $0 } END { if (last) print last }'
}

# proof_of SINCE RECIPIENT: and what it said of MX hosts and of MTA-STS for that message.
proof_of() {
    local id
    id=$(last_line "$@" | cut -d ' ' -f 3)
    exim_log "$1" | grep -F " $id H=" || true
    exim_log "$1" | grep -F " $id MTA-STS: " | grep -F "${2#*@}" || true
    last_line "$@"
}

mta_log_of() {
    local id
    id=$(grep -F " $1 " /var/log/exim4/mainlog | tail -n 1 | cut -d ' ' -f 3)
    grep -F " $id " /var/log/exim4/mainlog | tail -n 12
}

# check_quiet SINCE: Exim had nothing to panic about.
check_quiet() {
    local lines=none
    if [ -s /var/log/exim4/paniclog ]; then
        lines=$(wc -l </var/log/exim4/paniclog)
        head -n 10 /var/log/exim4/paniclog
        rm /var/log/exim4/paniclog
    fi
    check warnings none "$lines"
}
