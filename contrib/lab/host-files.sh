# shellcheck shell=bash
# Sourced by the host's side of both labs.

# Makes every mount read-only but /run and the directories given: the guest's root is root on the host's files.
protect_host() {
    local dir point
    for dir; do mount --rbind "$dir" "$dir"; done
    while read -r _ _ _ _ point _; do
        printf -v point %b "$point" # mountinfo writes a space as \040
        for dir in /run "$@"; do
            [[ $point/ != "$dir"/* ]] || continue 2
        done
        mount -o remount,bind,ro "$point"
    done </proc/self/mountinfo
    [ ! -w / ] || die "the host's files could not be made read-only for the guest; nothing was started"
}
