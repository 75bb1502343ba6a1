# What the tests of the console drive a browser with, into .tools/browser, and the browser, by apt. Sourced by `run`.
#
# The packages of npm are pinned by tests/browser/package-lock.json. Playwright would fetch a browser of its own: it is given the path of the installed one.

browser() {
    local tools=.tools/browser wanted=(tests/browser/package.json tests/browser/package-lock.json)
    if ! filled $tools "${wanted[@]}"; then
        say "fetching by npm: playwright-core and axe-core (12 MB), for the tests of the console; their install scripts are not run"
        rm -rf $tools && mkdir -p $tools && cp "${wanted[@]}" $tools/
        (cd $tools && timeout 600 npm ci --silent --ignore-scripts --no-audit --no-fund </dev/null) ||
            fail "npm could not fetch what tests/browser/package-lock.json names" "see its words above, then run \`make setup\` again"
        cat "${wanted[@]}" | sha256sum >$tools/.filled
    fi
    if has chromium || has chromium-browser || has google-chrome || [ -n "${CHROMIUM:-}" ]; then return; fi
    # everything but those tests runs without it, so that a machine that cannot get it is only warned
    say "\`chromium\` is missing: the tests of the console look at it there"
    local packages=(chromium)
    if [ "$(id -u)" = 0 ] && has apt-get; then
        say "installing by apt: ${packages[*]}"
        if (without_services "${packages[@]}"); then return; fi
    fi
    say "it was not installed, and those tests fail: \`sudo apt-get install ${packages[*]}\`, or name a Chromium in CHROMIUM"
}
