# What makes components of flows in JavaScript and Python, into .tools/javascript and .tools/python. Sourced by `run`.
#
# Both are pinned: the packages of npm by plugins/javascript/package-lock.json, that of pip by its hash in plugins/python/requirements.txt.

script_toolchains() {
    javascript_toolchain
    python_toolchain
}

# Whether folder $1 was filled by what the files $2… say.
filled() { [ -f "$1/.filled" ] && [ "$(cat "${@:2}" | sha256sum)" = "$(cat "$1/.filled")" ]; }

javascript_toolchain() {
    local tools=.tools/javascript wanted=(plugins/javascript/package.json plugins/javascript/package-lock.json)
    if filled $tools "${wanted[@]}"; then return; fi
    say "fetching by npm: componentize-qjs, esbuild and typescript (72 MB), for flows in JavaScript; their install scripts are not run"
    rm -rf $tools && mkdir -p $tools && cp "${wanted[@]}" $tools/
    # not `npm ci`: three of componentize-qjs' builds for other systems were never published, over which it stumbles
    (cd $tools && timeout 600 npm install --silent --ignore-scripts --no-audit --no-fund </dev/null) ||
        fail "npm could not fetch what plugins/javascript/package-lock.json names" "see its words above, then run \`make setup\` again"
    cat "${wanted[@]}" | sha256sum >$tools/.filled
}

python_toolchain() {
    local tools=.tools/python wanted=plugins/python/requirements.txt
    if filled $tools $wanted; then return; fi
    say "fetching by pip: componentize-py (18 MB), for flows in Python"
    rm -rf $tools && mkdir -p $tools
    timeout 600 python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes --root-user-action=ignore \
        --target $tools -r $wanted </dev/null || fail "pip could not fetch what $wanted names" "see its words above, then run \`make setup\` again"
    cat $wanted | sha256sum >$tools/.filled
}
