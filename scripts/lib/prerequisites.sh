# Sourced by the scripts beside it: finds what they need, and installs from the distribution's packages what is missing.
# Nothing here downloads a binary from anywhere else.

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Installs Debian packages, as root or through sudo.
install_packages() {
    command -v apt-get >/dev/null || die "missing: $*. Install it with your package manager and run this again."
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "missing: $*. Install it as root (apt-get install $*) and run this again."
        as_root=(sudo)
    fi
    say "installing $*"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

# Prints the directory of the newest PostgreSQL server binaries, or fails.
postgres_bindir() {
    local dir
    for dir in ${MIRRORGATE_PG_BINDIR:+"$MIRRORGATE_PG_BINDIR"} $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -Vr); do
        [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && { echo "$dir"; return 0; }
    done
    dir=$(command -v initdb) && dir=$(dirname "$(readlink -f "$dir")") && [ -x "$dir/postgres" ] && { echo "$dir"; return 0; }
    return 1
}

need_postgres() {
    postgres_bindir >/dev/null && return
    # The package would otherwise start a cluster of its own, which nobody here asked for.
    if [ -d /etc ] && [ "$(id -u)" -eq 0 ] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        mkdir -p /etc/postgresql-common
        echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
    fi
    install_packages postgresql
    postgres_bindir >/dev/null || die "the postgresql package brought no server binaries"
}

need_command() { # COMMAND PACKAGE
    command -v "$1" >/dev/null || install_packages "$2"
}

need_rust() {
    command -v cargo >/dev/null || die "no Rust toolchain: install it from https://rustup.rs and run this again"
    command -v cc >/dev/null || install_packages gcc libc6-dev
}

# A Python virtual environment under target/, with the packages given.
need_python_packages() { # NAME PACKAGE...
    local venv=$1; shift
    if ! { [ -x "$venv/bin/pip" ] && [ "$(cat "$venv/.packages" 2>/dev/null)" = "$*" ]; }; then
        need_command python3 python3
        rm -rf "$venv"
        python3 -m venv "$venv" 2>/dev/null || { install_packages python3-venv; python3 -m venv "$venv"; }
        "$venv/bin/pip" install --quiet --disable-pip-version-check "$@" >&2
        printf '%s' "$*" >"$venv/.packages"
    fi
}

need_library() { # SHARED-OBJECT PACKAGE
    [[ "$(/sbin/ldconfig -p 2>/dev/null)" == *"$1"* ]] || install_packages "$2"
}

# npm packages with exact versions in a directory under target/; their install scripts are not run.
need_node_packages() { # DIRECTORY PACKAGE@VERSION...
    local dir=$1; shift
    if [ "$(cat "$dir/.packages" 2>/dev/null)" != "$*" ]; then
        rm -rf "$dir"
        mkdir -p "$dir"
        npm install --prefix "$dir" --ignore-scripts --no-package-lock --no-audit --no-fund --loglevel=error "$@" >&2
        printf '%s' "$*" >"$dir/.packages"
    fi
}
