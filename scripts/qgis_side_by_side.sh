#!/usr/bin/env bash
# A newer QGIS beside the system's, unpacked into a folder; nothing is installed and no administrator is needed.
#
#     scripts/qgis_side_by_side.sh [FOLDER]        FOLDER is .qgis340 in the checkout unless named
#
# QGIS comes from bookworm-backports of the Debian archive that this system already uses; apt checks what it
# downloads. Qt, GDAL and PROJ stay the system's, so QGIS itself has to be installed (scripts/setup.sh).
# Ends with 0 where FOLDER/root/usr holds a QGIS that starts, with 3 where there can be none and why, with 1 where
# what was downloaded does not work.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(realpath -m "${1:-.qgis340}")
say() { printf '\033[1m== %s\033[0m\n' "$*"; }
none() {
    echo "No newer QGIS beside the system's: $*." >&2
    exit 3
}

release=$(. /etc/os-release 2>/dev/null && echo "${ID:-} ${VERSION_CODENAME:-}" || true)
[ "$release" = "debian bookworm" ] || none "this is not Debian 12 (bookworm) but '${release:-unknown}'"
for program in apt-get dpkg dpkg-query; do
    command -v "$program" >/dev/null || none "$program is missing"
done
system=$(dpkg-query --show --showformat='${Status} ${Version}' python3-qgis 2>/dev/null || true)
case $system in
    "install ok installed "*) system=${system##* } ;;
    *) none "the system's QGIS, whose libraries it shares, is not installed: apt-get install qgis python3-qgis" ;;
esac

stamp="$folder/.stamp" root="$folder/root/usr"
if [ -f "$stamp" ] && [ "$(head -n 1 "$stamp")" = "$system" ] && [ -x "$root/bin/qgis.bin" ]; then
    echo "QGIS $(tail -n 1 "$stamp") is in $root"
    exit 0
fi

archive=$(apt-get update --print-uris 2>/dev/null |
    sed -n "s|^'\(.*\)/dists/bookworm/InRelease' .*|\1|p" | head -n 1)
[ -n "$archive" ] || none "apt's sources name no archive of bookworm"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || none "$keyring is missing: apt-get install debian-archive-keyring"

mkdir -p "$folder"/lists/partial "$folder"/cache/archives/partial "$folder"/debs
for suite in bookworm-backports bookworm; do
    echo "deb [signed-by=$keyring] $archive $suite main"
done >"$folder/sources.list"
beside() {
    apt-get -q -o Dir::Etc::sourcelist="$folder/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$folder/lists" -o Dir::Cache="$folder/cache" -o APT::Sandbox::User="$(id -un)" \
        -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 "$@"
}

log="$folder/log.txt"
fault() { grep -m 1 '^[EW]: ' "$log" || tail -n 1 "$log"; }
say "Looking for QGIS in bookworm-backports of $archive"
beside update --error-on=any >"$log" 2>&1 || none "the archive cannot be read ($(fault))"
packages=$(beside --simulate install -t bookworm-backports --no-install-recommends qgis python3-qgis 2>>"$log" |
    sed -n 's/^Inst \([^ ]*\) [^(]*(\([^ ]*\) .*/\1=\2/p') || none "apt finds no set that fits ($(fault))"
version=$(sed -n 's/^python3-qgis=\(.*\)/\1/p' <<<"$packages")
[ -n "$version" ] || none "backports has nothing newer than the system's QGIS $system"

say "Downloading QGIS $version ($(wc -l <<<"$packages") packages)"
# shellcheck disable=SC2086  # one word a package
(cd "$folder/debs" && beside download $packages) >>"$log" 2>&1 ||
    none "the packages cannot be downloaded ($(fault)); what has come is kept for the next time"

say "Unpacking it to $folder"
rm -rf "$folder/root" "$folder/root.part"
for package in $packages; do
    # apt writes the colon of a version as %3a
    name=${package%%=*} number=${package#*=}
    dpkg -x "$folder/debs/${name}_${number//:/%3a}"_*.deb "$folder/root.part"
done
mv "$folder/root.part" "$folder/root"

found=$(GLQ_QGIS_ROOT="$root" /usr/bin/python3 qgis_plugin/which_qgis.py --version 2>"$log") || {
    cat "$log" >&2
    echo "QGIS $version was unpacked to $folder and does not start." >&2
    exit 1
}
rm -rf "$folder/debs" "$folder/cache" "$folder/lists"
printf '%s\n' "$system" "$found" >"$stamp"
echo "QGIS $found is in $root"
