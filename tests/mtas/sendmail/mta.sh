# Sendmail: its configuration, mail through it, and what it says of that.

# Run as root, it needs no users.
prepare_machine() { :; }

# Built from Debian's sources as any site's is; FEATURE(`sts') is Sendmail's own.
start_mta() {
    mkdir -p /etc/mail /var/spool/mqueue
    chmod 700 /var/spool/mqueue
    sendmail_mc >"$work/sendmail.mc"
    (cd /usr/share/sendmail/cf && m4 -I. m4/cf.m4 "$work/sendmail.mc") >/etc/mail/sendmail.cf 2>"$work/m4.log" ||
        die "m4 does not make sendmail.cf" "$work/m4.log"
    : >"$work/sendmail.log"
}

sendmail_mc() {
    cat <<MC
OSTYPE(\`linux')dnl
FEATURE(\`nocanonify')dnl
FEATURE(\`sts', \`socket -d5 -T<TMPF> inet:8461@127.0.0.1')dnl
define(\`confDOMAIN_NAME', \`client.test')dnl
define(\`confCACERT', \`$work/ca.pem')dnl
define(\`confCACERT_PATH', \`/etc/ssl/certs')dnl
define(\`confDONT_PROBE_INTERFACES', \`true')dnl
MAILER(\`smtp')dnl
MC
}

deliver_by() { /usr/libexec/sendmail/sendmail -C/etc/mail/sendmail.cf "$@" 2>&1; }

# send FROM-NAME RECIPIENT: at once, in a process of its own that tells what it does.
send() {
    {
        said=$(printf 'Subject: a row of the table\n\nHello.\n' | deliver_by -odi -v -f "$1@client.test" "$2" || true)
        echo "$said" >>"$work/sendmail.log"
    } &
}

# Another try for all that waits.
try_again() { deliver_by -q -v >>"$work/sendmail.log" || true; }

mark_mta() { wc -l <"$work/sendmail.log"; }

# fate SINCE RECIPIENT: the last "STATUS DSN TLS" of it, or nothing. Of TLS it says nothing.
fate() {
    tail -n "+$((${1%:*} + 1))" "$work/sendmail.log" | awk -v to="$2... " '
        index($0, to) == 1 && match($0, /(Sent|Deferred)/) {
            status = tolower(substr($0, RSTART, RLENGTH))
            dsn = match($0, /[245]\.[0-9]\.[0-9]+/) ? substr($0, RSTART, RLENGTH) : "-"
            fate = status " " dsn " -"
        }
        END { if (fate) print fate }'
}

# outcome_of SINCE RECIPIENT: as far as it is known.
outcome_of() { fate "$@" | sed -n 's/^sent .*/delivered/p; s/^deferred .*/deferred/p'; }

mta_log_of() {
    grep -F "$1... " "$work/sendmail.log"
    deliver_by -bp | grep -F -B 1 "$1"
}

# It warns of nothing where it could be looked for.
check_quiet() { :; }

version() { deliver_by -d0.1 -bt </dev/null | sed -n 's/^Version /Sendmail /p'; }
