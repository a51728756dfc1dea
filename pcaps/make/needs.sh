# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Sourced by the scripts beside it: what they need, and one sentence about all of it that is missing. All of them need root.
#
# need TOOL..., need_file FILE PACKAGE, need_modules PYTHON MODULES PACKAGES, end_if_missing

missing=()
[ "$(id -u)" = 0 ] || missing+=("root rights")

need() {                            # need TOOL...
  local tool
  for tool; do command -v "$tool" >/dev/null || missing+=("$tool"); done
}
need_file() { [ -e "$1" ] || missing+=("the package $2"); }
need_modules() {                    # need_modules PYTHON MODULES PACKAGES: separated by commas, and by spaces
  "$1" -c "import $2" 2>/dev/null || missing+=("the PyPI packages $3")
}
end_if_missing() {
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "$(basename "$0") cannot run because this is missing: $(printf '%s, ' "${missing[@]}" | sed 's/, $//'); the head of the script lists the packages." >&2
  exit 1
}
