# OpenSMTPD: its configuration, mail through it, and what its log says of that.

prepare_machine() {
    add_user opensmtpd 640 /var/lib/opensmtpd/empty
    add_user opensmtpq 641 /var/lib/opensmtpd/empty
    # Its resolver looks for no addresses where 127.0.0.1 is the only one. Nothing is sent from it.
    ip addr add 192.0.2.1/32 dev lo
}

start_mta() {
    mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd
    chmod 755 /var/lib/opensmtpd /var/lib/opensmtpd/empty
    chmod 711 /var/spool/smtpd
    chgrp opensmtpq /usr/sbin/smtpctl
    chmod 2755 /usr/sbin/smtpctl
    ln -sf smtpctl /usr/sbin/sendmail
    smtpd_conf >"$work/smtpd.conf"
    start_smtpd
}

# How long an MX host is left alone after a connection is a matter of taste; here it would be waited for. Without
# such a delay smtpd opens several connections for one message, unless it is told not to.
smtpd_conf() {
    cat <<CONF
ca lab cert "$work/ca.pem"
mta limit for domain default max-conn-per-relay 1 conn-delay-route 0 conn-delay-relay 0 reconn-delay-route 0
listen on socket
action "out" relay helo client.test ca lab mta-sts
action "open" relay helo client.test ca lab mta-sts fail-open
action "plain" relay helo client.test ca lab
action "loose" relay helo client.test ca lab tls no-verify mta-sts
action "strict" relay helo client.test ca lab tls mta-sts
action "trusted" relay helo client.test ca lab mta-sts user nobody
action "absent" relay helo client.test ca lab mta-sts socket "$work/absent.sock"
$(for action in open plain loose strict trusted absent; do
    echo "match from any mail-from \"@$action.client.test\" for any action \"$action\""
done)
match from any for any action "out"
CONF
}

start_smtpd() {
    # Under another program, if that is wanted.
    ${smtpd_under:-} /usr/sbin/smtpd -d -f "$work/smtpd.conf" >>"$work/smtpd.log" 2>&1 &
    smtpd=$!
    within 30 smtpctl show stats >/dev/null 2>&1 || die "OpenSMTPD does not start" "$work/smtpd.log"
}

stop_smtpd() {
    kill "$smtpd"
    wait "$smtpd" || true
    within 10 no_smtpd || true
}

no_smtpd() { ! pgrep -x smtpd >/dev/null; }

mark_mta() { wc -l <"$work/smtpd.log" 2>/dev/null || echo 0; }

# smtpd_log SINCE: what came later.
smtpd_log() { tail -n "+$((${1%%:*} + 1))" "$work/smtpd.log"; }

version() { smtpd -h 2>&1 | sed -n 's/^version: *//p'; }

# Of the sender's domain, which chooses the action.
sender_domain=client.test

# send FROM-NAME RECIPIENT...: into the queue.
send() {
    printf 'From: <%s@%s>\nSubject: a row of the table\n\nHello.\n' "$1" "$sender_domain" |
        sendmail -f "$1@$sender_domain" "${@:2}"
}

# fail_open yes|no
fail_open() {
    case $1 in
    yes) sender_domain=open.client.test ;;
    no) sender_domain=client.test ;;
    esac
}

# fate SINCE RECIPIENT: its last line on the message, or nothing.
fate() { smtpd_log "$1" | grep -F " mta delivery " | grep -F " to=<$2> " | tail -n 1; }

# outcome_of SINCE RECIPIENT: what its log says of it, in the words of the matrix, or nothing.
outcome_of() {
    local line
    line=$(fate "$@") || true
    case $line in
    *' result="Ok" '*)
        if session_says "$line" | grep ' result=verified$' >/dev/null; then echo verified; else echo delivered; fi
        ;;
    *' result="TempFail" '*) echo deferred ;;
    *' result="PermFail" '*) echo bounced ;;
    esac
}

# session_says LINE: what became of the policy in the session of a line, which may be older than the message.
session_says() { grep "^${1%% *} mta mta-sts=" "$work/smtpd.log" || true; }

# proof_of SINCE RECIPIENT: the lines by which it does: the answer, what became of connections, the message.
proof_of() {
    local line domain=${2#*@} sessions
    line=$(fate "$@") || return 0
    sessions=$(smtpd_log "$1" | sed -n "s/^\([0-9a-f]*\) mta mta-sts=[a-z]* domain=$domain .*/\1 mta error /p")
    smtpd_log "$1" | grep -e "mta-sts domain=$domain " -e "mta-sts=[a-z]* domain=$domain " \
        ${sessions:+-e "$sessions"} || true
    smtpd_log "$1" | grep "^${line%% *} mta mta-sts=" >/dev/null || session_says "$line"
    echo "$line"
}

# mta_log_of RECIPIENT: what there is of it, and of its domain.
mta_log_of() { grep -F -e "to=<$1>" -e "domain=${1#*@} " -e "${1#*@}," "$work/smtpd.log" | tail -n 12; }

# Another try for all that waits.
try_again() { smtpctl schedule all >/dev/null; }

# check_quiet SINCE: it had nothing to warn of but what is expected, and did not end.
check_quiet() {
    local warnings=none
    if smtpd_log "$1" | grep -E '(warn|fatal|lost child)' | grep -vE "${expected_warnings:-^$}" >"$work/warnings"; then
        warnings=$(wc -l <"$work/warnings")
        head -n 10 "$work/warnings"
    fi
    check warnings none "$warnings"
}
