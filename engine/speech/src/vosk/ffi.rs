//! Vosk's C interface, opened at run time: the only place with unsafe code.
//!
//! Source: `vosk_api.h` of Vosk 0.3.45. What holds here, so that the rest of the crate need not
//! think of it:
//! - the library is never unloaded, so its functions stay valid;
//! - a model lives as long as any decoder of it;
//! - a decoder stays on the thread that made it;
//! - texts the library returns are copied at once, because the next call overwrites them.
#![allow(
    unsafe_code,
    reason = "a C library has no other interface; each block says why it is sound"
)]

use std::ffi::{CStr, CString, c_char, c_float, c_int, c_short};
use std::mem::ManuallyDrop;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use libloading::Library;

/// The library's own `VoskModel`.
#[repr(C)]
struct RawModel {
    _opaque: [u8; 0],
}

/// The library's own `VoskRecognizer`.
#[repr(C)]
struct RawDecoder {
    _opaque: [u8; 0],
}

/// Declares the functions of the library with their C signatures, and looks them all up when it is
/// opened.
macro_rules! functions {
    ($($field:ident: $symbol:literal fn($($argument:ty),*) $(-> $answer:ty)?;)*) => {
        /// The functions in use.
        struct Functions { $($field: unsafe extern "C" fn($($argument),*) $(-> $answer)?,)* }

        impl Functions {
            fn look_up(library: &Library) -> Result<Self, libloading::Error> {
                // SAFETY: the signatures are those of `vosk_api.h`; they have not changed since
                // Vosk 0.3.30
                unsafe { Ok(Self { $($field: *library.get($symbol)?,)* }) }
            }
        }
    };
}

functions! {
    set_log_level: b"vosk_set_log_level\0" fn(c_int);
    model_new: b"vosk_model_new\0" fn(*const c_char) -> *mut RawModel;
    model_free: b"vosk_model_free\0" fn(*mut RawModel);
    model_find_word: b"vosk_model_find_word\0" fn(*mut RawModel, *const c_char) -> c_int;
    decoder_new: b"vosk_recognizer_new\0" fn(*mut RawModel, c_float) -> *mut RawDecoder;
    decoder_new_grm: b"vosk_recognizer_new_grm\0" fn(*mut RawModel, c_float, *const c_char) -> *mut RawDecoder;
    decoder_set_words: b"vosk_recognizer_set_words\0" fn(*mut RawDecoder, c_int);
    decoder_accept: b"vosk_recognizer_accept_waveform_s\0" fn(*mut RawDecoder, *const c_short, c_int) -> c_int;
    decoder_result: b"vosk_recognizer_result\0" fn(*mut RawDecoder) -> *const c_char;
    decoder_partial: b"vosk_recognizer_partial_result\0" fn(*mut RawDecoder) -> *const c_char;
    decoder_final: b"vosk_recognizer_final_result\0" fn(*mut RawDecoder) -> *const c_char;
    decoder_free: b"vosk_recognizer_free\0" fn(*mut RawDecoder);
}

/// `libvosk.so`, opened.
pub(super) struct VoskLibrary {
    functions: Functions,
    /// Never closed: threads of the library may outlive everything of ours.
    _library: ManuallyDrop<Library>,
}

impl VoskLibrary {
    /// Opens the library and silences its log, which would show what callers say.
    pub(super) fn open(path: &Path) -> Result<Arc<Self>, libloading::Error> {
        // SAFETY: the path is the operator's own setting; loading Vosk runs the initialisers of
        // Kaldi and OpenFST, which only fill tables
        let library = unsafe { Library::new(path)? };
        let functions = Functions::look_up(&library)?;
        // SAFETY: takes a number, has no preconditions
        unsafe { (functions.set_log_level)(-1) };
        Ok(Arc::new(Self {
            functions,
            _library: ManuallyDrop::new(library),
        }))
    }
}

/// A model in memory, shared by all its decoders.
pub(super) struct Model {
    raw: NonNull<RawModel>,
    library: Arc<VoskLibrary>,
}

// SAFETY: a model is only read once it is made, and its reference count is atomic
// (`std::atomic<int>` in `model.h`)
unsafe impl Send for Model {}
// SAFETY: as above
unsafe impl Sync for Model {}

impl Model {
    /// Reads a model folder, some tenths of a second; nothing when it holds no whole model.
    pub(super) fn load(library: &Arc<VoskLibrary>, folder: &Path) -> Option<Arc<Self>> {
        let path = CString::new(folder.as_os_str().as_encoded_bytes()).ok()?;
        // SAFETY: the path ends with a zero and is only read during the call; a model that cannot
        // be read gives null
        let raw = NonNull::new(unsafe { (library.functions.model_new)(path.as_ptr()) })?;
        Some(Arc::new(Self {
            raw,
            library: Arc::clone(library),
        }))
    }

    /// Whether the model's vocabulary has a word.
    pub(super) fn knows(&self, word: &str) -> bool {
        let Ok(word) = CString::new(word) else {
            return false;
        };
        // SAFETY: the model is alive, the word ends with a zero, and the vocabulary is only read
        unsafe { (self.library.functions.model_find_word)(self.raw.as_ptr(), word.as_ptr()) >= 0 }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: made by `model_new`, freed once; every decoder holds an `Arc` of this, so none is
        // left
        unsafe { (self.library.functions.model_free)(self.raw.as_ptr()) }
    }
}

/// A decoder, for one utterance at a time. Neither `Send` nor `Sync`: it stays where it was made.
pub(super) struct Decoder {
    raw: NonNull<RawDecoder>,
    model: Arc<Model>,
}

impl Decoder {
    /// A decoder of free speech, or of a grammar: a JSON list of phrases. Nothing when the library
    /// refuses.
    pub(super) fn new(model: &Arc<Model>, rate_hz: u32, grammar: Option<&str>) -> Option<Self> {
        let functions = &model.library.functions;
        let raw = match grammar {
            // SAFETY: the model is alive
            None => unsafe { (functions.decoder_new)(model.raw.as_ptr(), rate_hz as c_float) },
            Some(grammar) => {
                let grammar = CString::new(grammar).ok()?;
                // SAFETY: the model is alive; the grammar ends with a zero and is only read during
                // the call
                unsafe {
                    (functions.decoder_new_grm)(
                        model.raw.as_ptr(),
                        rate_hz as c_float,
                        grammar.as_ptr(),
                    )
                }
            }
        };
        let decoder = Self {
            raw: NonNull::new(raw)?,
            model: Arc::clone(model),
        };
        // SAFETY: the decoder is alive; the number asks for each word's confidence
        unsafe { (functions.decoder_set_words)(decoder.raw.as_ptr(), 1) };
        Some(decoder)
    }

    fn functions(&self) -> &Functions {
        &self.model.library.functions
    }

    /// Decodes samples. True when the library found a pause and closed a segment: then
    /// [`Self::segment`] has its words. An error when it failed inside.
    pub(super) fn accept(&mut self, samples: &[i16]) -> Result<bool, ()> {
        let length = c_int::try_from(samples.len()).map_err(|_| ())?;
        // SAFETY: the decoder is alive and used by this thread alone; the samples are read during
        // the call only
        match unsafe {
            (self.functions().decoder_accept)(self.raw.as_ptr(), samples.as_ptr(), length)
        } {
            0 => Ok(false),
            1.. => Ok(true),
            ..0 => Err(()),
        }
    }

    /// The words of the segment that just closed, as JSON.
    pub(super) fn segment(&mut self) -> String {
        self.text(self.functions().decoder_result)
    }

    /// The words so far, as JSON.
    pub(super) fn partial(&mut self) -> String {
        self.text(self.functions().decoder_partial)
    }

    /// Ends the utterance: its words since the last segment, as JSON. The next samples begin anew.
    pub(super) fn finish(&mut self) -> String {
        self.text(self.functions().decoder_final)
    }

    fn text(&mut self, ask: unsafe extern "C" fn(*mut RawDecoder) -> *const c_char) -> String {
        // SAFETY: the decoder is alive and used by this thread alone; `ask` is one of the three
        // functions that return a text
        let text = unsafe { ask(self.raw.as_ptr()) };
        if text.is_null() {
            return String::new();
        }
        // SAFETY: the text ends with a zero and stays until the next call on this decoder; it is
        // copied here
        unsafe { CStr::from_ptr(text) }
            .to_string_lossy()
            .into_owned()
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: made by `decoder_new` or `decoder_new_grm`, freed once, on the thread that used
        // it
        unsafe { (self.functions().decoder_free)(self.raw.as_ptr()) }
    }
}
