# The Rust toolchain of rust-toolchain.toml and what compiles flows to WebAssembly. Sourced by `run`.

wanted_rust() { sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml; }

# Whether version $1 is at least version $2.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

rust_toolchain() {
    local wanted version
    wanted=$(wanted_rust)
    has cargo || fail "there is no Rust: \`cargo\` is missing" "install rustup as https://rustup.rs says, then run \`make setup\` again"
    if ! rustc --version >/dev/null 2>&1; then
        say "installing by rustup: Rust $wanted, which rust-toolchain.toml names"
        timeout 900 rustup toolchain install "$wanted" --profile minimal --component clippy --component rustfmt --no-self-update </dev/null ||
            fail "rustup could not fetch Rust $wanted" "see its words above; where another Rust of at least $wanted is installed, run \`RUSTUP_TOOLCHAIN=stable make …\`"
    fi
    version=$(rustc --version | cut -d ' ' -f 2)
    at_least "$version" "$wanted" || fail "Rust $version is too old: the engine needs $wanted" "run \`rustup toolchain install $wanted\` or unset RUSTUP_TOOLCHAIN"
    local component
    for component in clippy rustfmt; do
        cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 && continue
        say "installing by rustup: $component, for \`make lint\`"
        timeout 300 rustup component add "$component" </dev/null || fail "rustup could not add $component" "see its words above; only \`make lint\` needs it"
    done
}

# First rustup's target, which the compiler at hand fits; else Debian's own compiler for the web with its sources, from one
# source package, so that they cannot drift apart. guest-cargo looks for the same two.
wasm_target() {
    if $here/guest-cargo --which >/dev/null 2>&1; then return; fi
    say "installing the WebAssembly target, for which flows are compiled"
    if has rustup && timeout 300 rustup target add wasm32-unknown-unknown </dev/null; then return; fi
    say "rustup cannot add it, so Debian's compiler for it is installed by apt (about 140 MB)"
    has apt-cache || fail "the WebAssembly target is missing" "run \`rustup target add wasm32-unknown-unknown\` where the network allows it"
    if [ "$(id -u)" = 0 ]; then apt-get update >/dev/null 2>&1 </dev/null || true; fi
    local lld
    lld=$(apt-cache search --names-only '^lld-[0-9]+$' | cut -d ' ' -f 1 | sort -V | tail -n 1)
    install_packages rustc-web cargo-web rust-web-src "${lld:-lld}"
    $here/guest-cargo --which >/dev/null || fail "Debian's compiler for WebAssembly is not usable" "run \`.setup/guest-cargo --which\` and see what it says"
}
