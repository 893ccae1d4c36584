# The lab, the daemon and Redis. Their logs are in $work.

socket=/run/mta-sts/mta-sts.sock
# Of the daemon's configuration: where policy hosts listen, and what else is in it.
https_port=443 more_config=''

start_lab() {
    "$MTA_STS_BIN" lab --serve --dns-port 53 --https-port 443 --smtp-port 25 \
        --ca-out "$work/ca.pem" --mail-log "$work/mails.jsonl" >"$work/lab.log" 2>&1 &
    # The domains are there a moment after the ports; it says when.
    listens $! 53 && within 10 grep -q '^The lab is up' "$work/lab.log" || die "the lab does not start" "$work/lab.log"
}

# start_daemon STORE: sqlite or redis; its state stays from one start to the next.
start_daemon() {
    write_config "$1" >"$work/config.toml"
    mkdir -p "$work/state" "$(dirname "$socket")"
    "$MTA_STS_BIN" serve --config "$work/config.toml" --state-dir "$work/state" >>"$work/daemon.log" 2>&1 &
    daemon=$!
    listens "$daemon" 8461 || die "the daemon does not start" "$work/daemon.log"
}

# listens PROCESS PORT: once it does; fails if it ends or takes too long.
listens() {
    local end=$((SECONDS + 20))
    until is_open "$2"; do
        kill -0 "$1" 2>/dev/null && [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

stop_daemon() {
    kill "$daemon"
    wait "$daemon" || true
}

write_config() {
    cat <<CONFIG
[server]
listen = ["127.0.0.1:8461", "unix:$socket"]
admin = "unix:$work/admin.sock"
http = "127.0.0.1:8462"

[dns]
servers = ["127.0.0.1"]

[https]
port = $https_port
ca_file = "$work/ca.pem"
allow_nets = ["127.0.0.0/8"]

[store]
kind = "$1"
$([ "$1" != redis ] || echo 'url = "redis://127.0.0.1:6379/0"')

[zones.strict]
strict_testing = true

[zones.yield]
dane = "yield"

[log]
level = "info"

$more_config
CONFIG
}

# reload_daemon: its configuration, as write_config makes it now.
reload_daemon() {
    local lines
    lines=$(wc -l <"$work/daemon.log")
    write_config sqlite >"$work/config.toml"
    kill -HUP "$daemon"
    within 10 has_reloaded "$lines" || die "the daemon does not reload" "$work/daemon.log"
}

# has_reloaded LINES: after so many lines of its log.
has_reloaded() { tail -n "+$(($1 + 1))" "$work/daemon.log" | grep -E ' INFO (.*: )?reloaded' >/dev/null; }

start_redis() {
    redis-server --bind 127.0.0.1 --port 6379 --dir "$work" --save '' --daemonize no >>"$work/redis.log" 2>&1 &
    redis=$!
    listens "$redis" 6379 || die "Redis does not start" "$work/redis.log"
}

# Without warning, as a machine that fails.
kill_redis() {
    kill -KILL "$redis"
    wait "$redis" 2>/dev/null || true
}

# die WHY LOG: nothing can be tried.
die() {
    echo "tests/mtas: $1; its log ends:" >&2
    tail -n 30 "$2" >&2
    exit 1
}
