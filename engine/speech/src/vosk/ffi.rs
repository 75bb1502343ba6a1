//! Vosk's C interface, loaded at run time: the only module with unsafe code.
//!
//! Source: `vosk_api.h` of Vosk 0.3.45. Guarantees to the rest of the crate:
//! - the library is never unloaded, so its functions stay valid;
//! - a model outlives its decoders;
//! - a decoder stays on the thread that created it;
//! - strings returned by the library are copied immediately, because the next call overwrites them.
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

/// The library's opaque `VoskModel`.
#[repr(C)]
struct RawModel {
    _opaque: [u8; 0],
}

/// The library's opaque `VoskRecognizer`.
#[repr(C)]
struct RawDecoder {
    _opaque: [u8; 0],
}

/// Declares the library's functions with their C signatures, and looks all of them up when it is
/// opened.
macro_rules! functions {
    ($($field:ident: $symbol:literal fn($($argument:ty),*) $(-> $answer:ty)?;)*) => {
        /// The functions used.
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

/// The loaded `libvosk.so`.
pub(super) struct VoskLibrary {
    functions: Functions,
    /// Never unloaded: the library's threads may outlive everything of ours.
    _library: ManuallyDrop<Library>,
}

impl VoskLibrary {
    /// Loads the library and silences its log, which would contain what callers say.
    pub(super) fn open(path: &Path) -> Result<Arc<Self>, libloading::Error> {
        // SAFETY: the operator configured the path; loading Vosk runs the initialisers of Kaldi and
        // OpenFST, which only fill tables
        let library = unsafe { Library::new(path)? };
        let functions = Functions::look_up(&library)?;
        // SAFETY: takes an integer, has no preconditions
        unsafe { (functions.set_log_level)(-1) };
        Ok(Arc::new(Self {
            functions,
            _library: ManuallyDrop::new(library),
        }))
    }
}

/// A loaded model, shared by all its decoders.
pub(super) struct Model {
    raw: NonNull<RawModel>,
    library: Arc<VoskLibrary>,
}

// SAFETY: a model is read-only once loaded, and its reference count is atomic (`std::atomic<int>`
// in `model.h`)
unsafe impl Send for Model {}
// SAFETY: as above
unsafe impl Sync for Model {}

impl Model {
    /// Loads a model folder, some tenths of a second; `None` if it is not a complete model.
    pub(super) fn load(library: &Arc<VoskLibrary>, folder: &Path) -> Option<Arc<Self>> {
        let path = CString::new(folder.as_os_str().as_encoded_bytes()).ok()?;
        // SAFETY: the path is NUL-terminated and only read during the call; an unreadable model
        // returns null
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
        // SAFETY: the model is alive, the word is NUL-terminated, and the vocabulary is only read
        unsafe { (self.library.functions.model_find_word)(self.raw.as_ptr(), word.as_ptr()) >= 0 }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: created by `model_new`, freed once; every decoder holds an `Arc` of this, so none
        // is left
        unsafe { (self.library.functions.model_free)(self.raw.as_ptr()) }
    }
}

/// A decoder, for one utterance at a time. Neither `Send` nor `Sync`: it stays on its thread.
pub(super) struct Decoder {
    raw: NonNull<RawDecoder>,
    model: Arc<Model>,
}

impl Decoder {
    /// A decoder for free speech, or for a grammar given as a JSON list of phrases. `None` if the
    /// library rejects it.
    pub(super) fn new(model: &Arc<Model>, rate_hz: u32, grammar: Option<&str>) -> Option<Self> {
        let functions = &model.library.functions;
        let raw = match grammar {
            // SAFETY: the model is alive
            None => unsafe { (functions.decoder_new)(model.raw.as_ptr(), rate_hz as c_float) },
            Some(grammar) => {
                let grammar = CString::new(grammar).ok()?;
                // SAFETY: the model is alive; the grammar is NUL-terminated and only read during
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
        // SAFETY: the decoder is alive; 1 requests each word's confidence
        unsafe { (functions.decoder_set_words)(decoder.raw.as_ptr(), 1) };
        Some(decoder)
    }

    fn functions(&self) -> &Functions {
        &self.model.library.functions
    }

    /// Decodes samples. `true` if the library found a pause and closed a segment, whose words are
    /// then in [`Self::segment`]. An error if the library failed internally.
    pub(super) fn accept(&mut self, samples: &[i16]) -> Result<bool, ()> {
        let length = c_int::try_from(samples.len()).map_err(|_| ())?;
        // SAFETY: the decoder is alive and used only by this thread; the samples are only read
        // during the call
        match unsafe {
            (self.functions().decoder_accept)(self.raw.as_ptr(), samples.as_ptr(), length)
        } {
            0 => Ok(false),
            1.. => Ok(true),
            ..0 => Err(()),
        }
    }

    /// The words of the segment just closed, as JSON.
    pub(super) fn segment(&mut self) -> String {
        self.text(self.functions().decoder_result)
    }

    /// The words so far, as JSON.
    pub(super) fn partial(&mut self) -> String {
        self.text(self.functions().decoder_partial)
    }

    /// Ends the utterance: its words since the last segment, as JSON. Further samples start the
    /// next one.
    pub(super) fn finish(&mut self) -> String {
        self.text(self.functions().decoder_final)
    }

    fn text(&mut self, ask: unsafe extern "C" fn(*mut RawDecoder) -> *const c_char) -> String {
        // SAFETY: the decoder is alive and used only by this thread; `ask` is one of the three
        // functions that return a string
        let text = unsafe { ask(self.raw.as_ptr()) };
        if text.is_null() {
            return String::new();
        }
        // SAFETY: the string is NUL-terminated and valid until the next call on this decoder; it is
        // copied here
        unsafe { CStr::from_ptr(text) }
            .to_string_lossy()
            .into_owned()
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: created by `decoder_new` or `decoder_new_grm`, freed once, on the thread that
        // used it
        unsafe { (self.functions().decoder_free)(self.raw.as_ptr()) }
    }
}
