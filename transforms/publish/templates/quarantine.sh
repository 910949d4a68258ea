#!/bin/sh
# Written by mirrorfold. Moves the files of a quarantine plan aside, or back; deletes and overwrites nothing.
#   sh quarantine.sh           check only: say what would move
#   sh quarantine.sh --move    move
#   sh quarantine.sh --undo    move back
# A line of a list is: bytes, SHA-256, from, to, what the kept copy is, the kept copy; tabs between.
set -u
LC_ALL=C
export LC_ALL
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
mode=check
case "${1-}" in
    '') ;;
    --move) mode=move ;;
    --undo) mode=undo ;;
    *) echo "use --move, --undo, or nothing to check only" >&2; exit 2 ;;
esac
tab=$(printf '\t')

digest() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi | cut -d ' ' -f 1
}

# sound FILE BYTES SHA256: is it a plain file with these very bytes?
sound() {
    [ -f "$1" ] && [ ! -L "$1" ] && [ "$(wc -c <"$1" | tr -d ' ')" = "$2" ] && [ "$(digest "$1")" = "$3" ]
}

# why BYTES SHA256 SOURCE TARGET KIND KEPT: say what forbids the move, or nothing
why() {
    if [ -e "$4" ] || [ -L "$4" ]; then echo "something lies at the target"; return; fi
    sound "$3" "$1" "$2" || { echo "it isn't the file that was decided on"; return; }
    [ "$mode" = undo ] && return
    case "$5" in
        same) sound "$6" "$1" "$2" || echo "its kept copy isn't there with the same bytes: $6" ;;
        other) { [ -f "$6" ] && [ -s "$6" ]; } || echo "its kept copy isn't there: $6" ;;
    esac
}

done=0 already=0 refused=0
for list in @LISTS@; do
    while IFS="$tab" read -r bytes sum from to kind kept; do
        if [ "$mode" = undo ]; then source=$to target=$from; else source=$from target=$to; fi
        if [ ! -e "$source" ] && sound "$target" "$bytes" "$sum"; then
            already=$((already + 1))
            continue
        fi
        reason=$(why "$bytes" "$sum" "$source" "$target" "$kind" "$kept")
        if [ -n "$reason" ]; then
            refused=$((refused + 1))
            printf 'left: %s: %s\n' "$source" "$reason" >&2
            continue
        fi
        if [ "$mode" = check ]; then
            printf 'would move: %s\n' "$source"
        elif mkdir -p -- "$(dirname -- "$target")" && mv -- "$source" "$target"; then
            :
        else
            refused=$((refused + 1))
            continue
        fi
        done=$((done + 1))
    done <"$here/$list"
done
[ "$mode" = check ] && verb="would move; run it again with --move" || verb=moved
echo "$done $verb, $already there already, $refused left where they are"
[ "$refused" = 0 ]
