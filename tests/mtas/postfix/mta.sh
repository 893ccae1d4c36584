# Postfix: its configuration, mail through it, and what its log says of that.

# What Debian's postinst does.
prepare_machine() {
    add_user postfix 620 /var/spool/postfix
    add_group postdrop 621
}

# The map that is asked for a domain, and the level without an answer, where the edition has no others.
usual_map=postfix usual_level=may

start_mta() {
    local master=/etc/postfix/master.cf
    [ ! -e /usr/share/postfix/master.cf.dist ] || cp /usr/share/postfix/master.cf.dist "$master"
    # No listener, no chroot.
    sed -i -E '/^smtp +inet /d' "$master"
    awk '/^[a-z]/ && NF >= 8 { $5 = "n" } { print }' "$master" >"$master.new"
    mv "$master.new" "$master"
    local map
    for map in dane query queryrpt rpt strict unix yield; do
        client "$map" >>"$master"
        # A recipient NAME+MAP@DOMAIN goes by the client of that name.
        echo "/\\+$map@/ $map:" >>/etc/postfix/transport
    done
    main_cf >/etc/postfix/main.cf

    chgrp postdrop /usr/sbin/postqueue /usr/sbin/postdrop
    chmod 2755 /usr/sbin/postqueue /usr/sbin/postdrop
    mkdir -p /var/spool/postfix /var/lib/postfix
    chown postfix /var/lib/postfix
    postfix start >"$work/start.log" 2>&1 || die "Postfix does not start" "$work/start.log"
}

main_cf() {
    cat <<MAIN
compatibility_level = 3.6
myhostname = client.test
mydestination =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = $work/postfix.log
maillog_file_prefixes = $work
smtputf8_enable = $([ "$edition" = postfix/next ] && echo no || echo yes)
transport_maps = regexp:/etc/postfix/transport
sender_dependent_relayhost_maps = inline:{ relayed@client.test=[implicit-mx.test]:25 }
smtp_dns_support_level = dnssec
dnssec_probe =
smtp_tls_security_level = $usual_level
smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:$usual_map
smtp_tls_CAfile = $work/ca.pem
smtp_tls_loglevel = 1
in_flow_delay = 0
MAIN
}

# client NAME: a service like smtp that asks by another map.
client() {
    local map level=may
    case $1 in
    query) map=inet:127.0.0.1:8461:QUERY ;;
    queryrpt) map=inet:127.0.0.1:8461:QUERYwithTLSRPT ;;
    rpt) map=inet:127.0.0.1:8461:postfixwithTLSRPT ;;
    unix) map=unix:$socket:postfix ;;
    yield) map=inet:127.0.0.1:8461:yield level=dane ;;
    *) map=inet:127.0.0.1:8461:$1 ;;
    esac
    cat <<MASTER
$1 unix - - n - - smtp
  -o smtp_tls_policy_maps=socketmap:$map -o smtp_tls_security_level=$level
MASTER
}

# marked: how long the log is now.
mark_mta() { wc -l <"$work/postfix.log" 2>/dev/null || echo 0; }

# postfix_log SINCE: what came later.
postfix_log() { tail -n "+$((${1%:*} + 1))" "$work/postfix.log"; }

version() { echo "$(postconf -h mail_name) $(postconf -h mail_version)"; }

# send FROM-NAME RECIPIENT...: into the queue.
send() {
    printf 'From: <%s@client.test>\nSubject: a row of the table\n\nHello.\n' "$1" |
        sendmail -f "$1@client.test" "${@:2}"
}

# fate SINCE RECIPIENT: the last "STATUS DSN TLS" of it in Postfix's log, or nothing.
fate() {
    postfix_log "$1" | awk -v to="to=<$2>," '
        match($0, /\[[0-9]+\]: /) { process = substr($0, RSTART, RLENGTH) }
        / TLS connection (established|reused) to / {
            match($0, /[A-Z][a-z]+ TLS connection/)
            split(substr($0, RSTART), words, " ")
            tls[process] = words[1]
        }
        / status=/ {
            if (index($0, to)) {
                match($0, /dsn=[0-9.]+/); dsn = substr($0, RSTART + 4, RLENGTH - 4)
                match($0, /status=[a-z]+/); status = substr($0, RSTART + 7, RLENGTH - 7)
                fate = status " " dsn " " (process in tls ? tls[process] : "-")
            }
            delete tls[process]
        }
        END { if (fate) print fate }'
}

# outcome_of SINCE RECIPIENT: what its log says of it, in the words of the matrix, or nothing.
outcome_of() {
    case $(fate "$@") in
    sent*Verified) echo verified ;;
    sent*) echo delivered ;;
    deferred*) echo deferred ;;
    bounced*) echo bounced ;;
    esac
}

# proof_of SINCE RECIPIENT: the lines by which it does.
proof_of() {
    postfix_log "$1" | awk -v to="to=<$2>," '
        match($0, /\[[0-9]+\]: /) { process = substr($0, RSTART, RLENGTH) }
        / TLS connection (established|reused) to / { tls[process] = $0 "\n" }
        / status=/ {
            if (index($0, to)) proof = tls[process] $0
            delete tls[process]
        }
        END { if (proof) print proof }'
}

# check_quiet SINCE: Postfix had nothing to warn of.
check_quiet() {
    local warnings=none
    if postfix_log "$1" | grep -E ': (warning|error|fatal|panic): ' |
        grep -vE "${expected_warnings:-^$}" >"$work/warnings"; then
        warnings=$(wc -l <"$work/warnings")
        head -n 10 "$work/warnings"
    fi
    check warnings none "$warnings"
}

# mta_log_of RECIPIENT: all lines of the process that had it last.
mta_log_of() {
    local process
    process=$(grep -F "to=<$1>" "$work/postfix.log" | grep -oE '\[[0-9]+\]: ' | tail -n 1)
    grep -F "${process:-to=<$1>}" "$work/postfix.log" | tail -n 12
}

# Another try for all that waits.
try_again() { postqueue -f; }
