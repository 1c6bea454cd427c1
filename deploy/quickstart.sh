#!/usr/bin/env bash
# From a fresh clone to a running `downpour`: installs what is missing, builds the program, shows what it was built on.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
  '') ;;
  -h | --help) sed -n '2s/^# //p' "${BASH_SOURCE[0]}" && exit 0 ;;
  *) printf 'deploy/quickstart.sh: unknown argument %s (it takes none)\n' "$1" >&2 && exit 2 ;;
esac

"$repo/deploy/setup.sh" --for=build,data
stage "build downpour" run_bazel build //cli:downpour
echo
"$repo/bazel-bin/cli/downpour" version
cat <<END

The program is bazel-bin/cli/downpour; \`deploy/build.sh --prefix=/usr/local\` installs it.
Next: \`bazel-bin/cli/downpour --help\`, \`deploy/test.sh\` for all tests, and README.md for where to read on.
END
