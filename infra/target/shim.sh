#!/bin/sh
# Run one Worker and outlive whoever started it: shim.sh DIRECTORY PROGRAM [ARGUMENT...]
#
# PROGRAM is a path, never a name that could be a builtin. Standard output and error are the Worker's log. The files
# `identity` and `exit` are there already, filled with blanks, so that a full disk cannot hide how the Worker ended:
# `1<>` writes over them in place.

directory=$1
shift

# noclobber opens with O_EXCL: of all shims of this attempt, however many were started, one goes on.
set -C
true 2>/dev/null >"$directory/started" || exit 0
set +C

# Pid, start time (field 22 of stat) and boot name a process for good; a pid alone is soon another's.
read -r boot </proc/sys/kernel/random/boot_id
read -r stat </proc/$$/stat
keep_start() {
    shift 19
    start=$1
}
# shellcheck disable=SC2086  # the fields are to be split
keep_start ${stat##*) }
printf '%s %s %s\n' "$$" "$start" "$boot" 1<>"$directory/identity"

# Caught and not ignored: a program inherits what is ignored. The shim waits on, to write down how the program ended.
trap : HUP INT QUIT TERM USR1 USR2

# What this shell itself would say of a killed program is no part of the log, so the program gets fd 2 in a process
# of its own.
exec 3>&2 2>/dev/null

# Beside the program may run what collects its metrics. It begins first, and is told to end when the program has.
companion=
if [ -f "$directory/companion" ]; then
    (exec /bin/sh "$directory/companion" >>"$directory/series" 2>&3 3>&-) &
    companion=$!
    read -r up _ </proc/uptime
    begun=${up%.*}
fi
is_running() {
    read -r stat <"/proc/$1/stat" || return 1
    case ${stat##*) } in [ZXx]*) return 1 ;; esac
}

(exec "$@" 2>&3 3>&-)
code=$?
# A companion that has only just begun has not read anything yet: a quick program waits for it, two seconds at most.
is_new() {
    read -r up _ </proc/uptime
    [ $((${up%.*} - begun)) -le 2 ]
}
if [ -n "$companion" ]; then
    while is_running "$companion" && is_new; do
        sleep 0.1
    done
    kill -TERM "$companion"
    tries=50
    while [ "$tries" -gt 0 ] && is_running "$companion"; do
        sleep 0.1
        tries=$((tries - 1))
    done
    kill -KILL "$companion"
fi
printf '%s\n' "$code" 1<>"$directory/exit"
exit "$code"
