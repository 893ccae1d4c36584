# Mail: what is sent, and what came of it. The mail server's part is in its mta.sh.

# How long a message may take to be delivered or deferred, in seconds.
patience=40

# run_rows NAME...: sends all of them at once.
run_rows() {
    local name sent=() since
    (($#)) || return 0
    since=$(now)
    for name; do
        sent+=("$(address "$name" "${domain[$name]}")")
        send "$name" "${sent[-1]}"
    done
    settled "$since" "${sent[@]}"
    for name; do judge "$since" "$name" "${domain[$name]}" "${expected[$name]}"; done
    check_quiet "$since"
}

# address NAME [MAP:]DOMAIN: where the message of a row goes.
address() {
    case $2 in
    *:*) printf '%s+%s@%s' "$1" "${2%%:*}" "${2#*:}" ;;
    *) printf '%s@%s' "$1" "$2" ;;
    esac
}

# now: a mark in the logs of the mail server and the daemon.
now() { echo "$(mark_mta):$(wc -l <"$work/daemon.log")"; }

# daemon_log SINCE: what came later.
daemon_log() { tail -n "+$((${1#*:} + 1))" "$work/daemon.log"; }

# settled SINCE RECIPIENT...: until it is said of all what became of them, as far as it is.
settled() {
    local since=$1
    shift
    within "$patience" all_settled "$since" "$@" || echo "some mail is still under way after $patience s"
    # The lab writes what it accepted a moment later.
    sleep 0.2
}

all_settled() {
    local since=$1 recipient
    shift
    for recipient; do
        [ -n "$(outcome_of "$since" "$recipient")" ] || return 1
    done
}

# judge SINCE NAME [MAP:]DOMAIN EXPECTED: a line of the table. The mail server must have asked the daemon.
judge() {
    local got key=${asks[$2]:-${3#*:}}
    if [ -n "${is_delivery[$2]:-}" ]; then
        judge_delivery "$1" "$2" "$(address "$2" "$3")" "$4"
        return
    fi
    got=$(outcome "$1" "$2" "$3")
    daemon_log "$1" | grep -F "$key" >/dev/null || got+=", and the daemon was not asked"
    check "$2" "$4" "$got" "$(address "$2" "$3")"
}

# judge_unasked SINCE NAME [MAP:]DOMAIN EXPECTED: the same where there is no daemon to ask.
judge_unasked() {
    check "$2" "$4" "$(outcome "$1" "$2" "$3")" "$(address "$2" "$3")"
}

# judge_delivery SINCE NAME RECIPIENT OUTCOME [unasked]: the same for an outcome that does not depend on
# the mail server, with its own words for it.
judge_delivery() {
    local got key=${asks[$2]:-${3#*@}}
    got=$(delivered_as "$1" "$3" "$4")
    [ "${5:-}" = unasked ] || daemon_log "$1" | grep -F "$key" >/dev/null || got+=", and the daemon was not asked"
    check "$2" "$4" "$got" "$3" "$(proof_of "$1" "$3")"
}

# delivered_as SINCE RECIPIENT OUTCOME: what came of it, in the words of `delivery`.
delivered_as() {
    local word arrival
    word=$(outcome_of "$1" "$2") arrival=$(arrival "$2")
    case $word,$arrival in
    ,-) word="under way" ;;
    verified,*,tls,sni) word+=" ${arrival%%,*}" ;;
    delivered,-) word="delivered nowhere" ;;
    delivered,*) word+=" ${arrival%%,*}" ;;
    *,-) ;;
    *) word+=" by $arrival" ;;
    esac
    # A host that need not be verified may be all the same.
    case $3 in delivered*) word=${word/#verified/delivered} ;; esac
    echo "$word"
}

# exchange NAME DOMAIN OUTCOME [unasked]: one message, judged.
exchange() {
    local since
    since=$(now)
    send "$1" "$1@$2"
    settled "$since" "$1@$2"
    judge_delivery "$since" "$1" "$1@$2" "$3" "${4:-}"
}

# outcome SINCE NAME [MAP:]DOMAIN: "STATUS DSN TLS ARRIVAL".
outcome() {
    local recipient
    recipient=$(address "$2" "$3")
    echo "$(fate "$1" "$recipient") $(arrival "$recipient")"
}

# arrival RECIPIENT: where it was accepted, and how.
arrival() {
    local lines host
    lines=$(grep -F "\"to\":[\"$1\"]" "$work/mails.jsonl" 2>/dev/null || true)
    case $lines in
    '') echo - ;;
    *$'\n'*) echo "$(wc -l <<<"$lines") times" ;;
    *)
        host=$(sed -E 's/.*"host":"([^"]*)".*/\1/' <<<"$lines")
        [[ $lines != *'"tls":true'* ]] || host+=,tls
        [[ $lines != *"\"sni\":\"${host%%,*}\""* ]] || host+=,sni
        echo "$host"
        ;;
    esac
}

# show_logs RECIPIENT: what there is of it.
show_logs() {
    {
        echo "  mail server:"
        mta_log_of "$1" | sed 's/^/    /'
        echo "  daemon:"
        grep -F "${1#*@}" "$work/daemon.log" | tail -n 12 | sed 's/^/    /'
        echo "  lab:"
        grep -F "$1" "$work/mails.jsonl" | tail -n 3 | sed 's/^/    /'
    } 2>/dev/null || true
}

# deliver NAME DOMAIN EXPECTED: one message, judged.
deliver() {
    local since
    since=$(now)
    send "$1" "$(address "$1" "$2")"
    settled "$since" "$(address "$1" "$2")"
    judge "$since" "$1" "$2" "$3"
}

# flush SINCE RECIPIENT...: another try for all that waits.
flush() {
    local since=$1
    shift
    try_again
    settled "$since" "$@"
}
