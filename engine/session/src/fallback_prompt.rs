//! Fallback prompts, for when a flow has failed or must end, so that no caller is left in silence.

use ghanti_model::{Language, Masked};
use ghanti_speech::Utterance;

use crate::rendered_prompt::{RenderedPrompt, Source};

/// The name of these prompts in a transcript, where a flow's prompts have their template's.
pub const NAME: &str = "engine-fallback";

/// The name of the prompt that asks the caller to wait.
pub const ONE_MOMENT: &str = "engine-one-moment";

/// The name of the prompt that offers the keys in place of speech.
pub const BY_KEYS: &str = "engine-by-keys";

/// Why the conversation ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The flow failed, or there was none.
    Failed,
    /// The call reached its maximum length.
    TooLong,
}

/// The sentences of one language.
struct Words {
    language: &'static str,
    failed: &'static str,
    one_moment: &'static str,
    keys: &'static str,
    too_long: &'static str,
    transfer: &'static str,
    goodbye: &'static str,
}

const ENGLISH: Words = Words {
    language: "en",
    failed: "I am sorry, something went wrong on our side.",
    one_moment: "One moment, please.",
    keys: "I am sorry, I cannot hear you well at the moment. You can also answer with the keys of your phone.",
    too_long: "I am sorry, we have run out of time for this call.",
    transfer: "Please wait while I connect you to a colleague.",
    goodbye: "We will call you again. Goodbye.",
};

const OTHERS: [Words; 10] = [
    Words {
        language: "hi",
        failed: "माफ़ कीजिए, हमारी ओर से एक तकनीकी समस्या हुई है।",
        one_moment: "एक क्षण रुकिए।",
        keys: "माफ़ कीजिए, अभी आपकी आवाज़ ठीक से नहीं सुनी जा रही है। आप फ़ोन के बटन दबाकर भी उत्तर दे सकते हैं।",
        too_long: "माफ़ कीजिए, इस कॉल का समय समाप्त हो गया है।",
        transfer: "कृपया प्रतीक्षा करें, हम आपको हमारे प्रतिनिधि से जोड़ रहे हैं।",
        goodbye: "हम आपको बाद में फ़ोन करेंगे। धन्यवाद।",
    },
    Words {
        language: "mr",
        failed: "माफ करा, आमच्याकडून एक तांत्रिक अडचण आली आहे.",
        one_moment: "एक क्षण थांबा.",
        keys: "माफ करा, आत्ता तुमचा आवाज नीट ऐकू येत नाही. तुम्ही फोनची बटणे दाबूनही उत्तर देऊ शकता.",
        too_long: "माफ करा, या कॉलची वेळ संपली आहे.",
        transfer: "कृपया थांबा, आम्ही तुम्हाला आमच्या प्रतिनिधीशी जोडत आहोत.",
        goodbye: "आम्ही तुम्हाला नंतर फोन करू. धन्यवाद.",
    },
    Words {
        language: "gu",
        failed: "માફ કરશો, અમારા તરફથી એક ટેકનિકલ સમસ્યા આવી છે.",
        one_moment: "એક ક્ષણ થોભો.",
        keys: "માફ કરશો, હમણાં તમારો અવાજ બરાબર સંભળાતો નથી. તમે ફોનનાં બટન દબાવીને પણ જવાબ આપી શકો છો.",
        too_long: "માફ કરશો, આ કૉલનો સમય પૂરો થઈ ગયો છે.",
        transfer: "કૃપા કરીને રાહ જુઓ, અમે તમને અમારા પ્રતિનિધિ સાથે જોડી રહ્યા છીએ.",
        goodbye: "અમે તમને પછીથી ફોન કરીશું. આભાર.",
    },
    Words {
        language: "bn",
        failed: "দুঃখিত, আমাদের দিক থেকে একটি প্রযুক্তিগত সমস্যা হয়েছে।",
        one_moment: "এক মুহূর্ত অপেক্ষা করুন।",
        keys: "দুঃখিত, এই মুহূর্তে আপনার কথা ঠিকমতো শোনা যাচ্ছে না। আপনি ফোনের বোতাম টিপেও উত্তর দিতে পারেন।",
        too_long: "দুঃখিত, এই কলের সময় শেষ হয়ে গেছে।",
        transfer: "অনুগ্রহ করে অপেক্ষা করুন, আমরা আপনাকে আমাদের প্রতিনিধির সঙ্গে যুক্ত করছি।",
        goodbye: "আমরা আপনাকে পরে ফোন করব। ধন্যবাদ।",
    },
    Words {
        language: "pa",
        failed: "ਮਾਫ਼ ਕਰਨਾ, ਸਾਡੇ ਵੱਲੋਂ ਇੱਕ ਤਕਨੀਕੀ ਸਮੱਸਿਆ ਆਈ ਹੈ।",
        one_moment: "ਇੱਕ ਪਲ ਰੁਕੋ ਜੀ।",
        keys: "ਮਾਫ਼ ਕਰਨਾ, ਇਸ ਵੇਲੇ ਤੁਹਾਡੀ ਆਵਾਜ਼ ਠੀਕ ਤਰ੍ਹਾਂ ਸੁਣਾਈ ਨਹੀਂ ਦੇ ਰਹੀ। ਤੁਸੀਂ ਫ਼ੋਨ ਦੇ ਬਟਨ ਦਬਾ ਕੇ ਵੀ ਜਵਾਬ ਦੇ ਸਕਦੇ ਹੋ।",
        too_long: "ਮਾਫ਼ ਕਰਨਾ, ਇਸ ਕਾਲ ਦਾ ਸਮਾਂ ਖ਼ਤਮ ਹੋ ਗਿਆ ਹੈ।",
        transfer: "ਕਿਰਪਾ ਕਰਕੇ ਉਡੀਕ ਕਰੋ, ਅਸੀਂ ਤੁਹਾਨੂੰ ਆਪਣੇ ਪ੍ਰਤੀਨਿਧੀ ਨਾਲ ਜੋੜ ਰਹੇ ਹਾਂ।",
        goodbye: "ਅਸੀਂ ਤੁਹਾਨੂੰ ਬਾਅਦ ਵਿੱਚ ਫ਼ੋਨ ਕਰਾਂਗੇ। ਧੰਨਵਾਦ।",
    },
    Words {
        language: "or",
        failed: "କ୍ଷମା କରିବେ, ଆମ ତରଫରୁ ଏକ ବୈଷୟିକ ସମସ୍ୟା ହୋଇଛି।",
        one_moment: "ଦୟାକରି ଗୋଟିଏ ମୁହୂର୍ତ୍ତ ଅପେକ୍ଷା କରନ୍ତୁ।",
        keys: "କ୍ଷମା କରିବେ, ଏବେ ଆପଣଙ୍କ କଥା ଠିକ୍ ଭାବେ ଶୁଣାଯାଉନାହିଁ। ଆପଣ ଫୋନର ବଟନ୍ ଦବାଇ ମଧ୍ୟ ଉତ୍ତର ଦେଇପାରିବେ।",
        too_long: "କ୍ଷମା କରିବେ, ଏହି କଲର ସମୟ ସରିଯାଇଛି।",
        transfer: "ଦୟାକରି ଅପେକ୍ଷା କରନ୍ତୁ, ଆମେ ଆପଣଙ୍କୁ ଆମ ପ୍ରତିନିଧିଙ୍କ ସହ ଯୋଡ଼ୁଛୁ।",
        goodbye: "ଆମେ ଆପଣଙ୍କୁ ପରେ ଫୋନ କରିବୁ। ଧନ୍ୟବାଦ।",
    },
    Words {
        language: "ta",
        failed: "மன்னிக்கவும், எங்கள் தரப்பில் ஒரு தொழில்நுட்பக் கோளாறு ஏற்பட்டுள்ளது.",
        one_moment: "ஒரு நிமிடம் காத்திருங்கள்.",
        keys: "மன்னிக்கவும், இப்போது உங்கள் குரல் சரியாகக் கேட்கவில்லை. தொலைபேசியின் பொத்தான்களை அழுத்தியும் பதில் சொல்லலாம்.",
        too_long: "மன்னிக்கவும், இந்த அழைப்பின் நேரம் முடிந்துவிட்டது.",
        transfer: "தயவுசெய்து காத்திருங்கள், உங்களை எங்கள் பிரதிநிதியுடன் இணைக்கிறோம்.",
        goodbye: "நாங்கள் உங்களைப் பிறகு அழைக்கிறோம். நன்றி.",
    },
    Words {
        language: "te",
        failed: "క్షమించండి, మా వైపు ఒక సాంకేతిక సమస్య వచ్చింది.",
        one_moment: "ఒక్క క్షణం ఆగండి.",
        keys: "క్షమించండి, ప్రస్తుతం మీ మాటలు సరిగ్గా వినిపించడం లేదు. మీరు ఫోన్ బటన్లు నొక్కి కూడా సమాధానం ఇవ్వవచ్చు.",
        too_long: "క్షమించండి, ఈ కాల్ సమయం ముగిసింది.",
        transfer: "దయచేసి వేచి ఉండండి, మిమ్మల్ని మా ప్రతినిధితో కలుపుతున్నాము.",
        goodbye: "మేము మీకు తర్వాత ఫోన్ చేస్తాము. ధన్యవాదాలు.",
    },
    Words {
        language: "kn",
        failed: "ಕ್ಷಮಿಸಿ, ನಮ್ಮ ಕಡೆಯಿಂದ ಒಂದು ತಾಂತ್ರಿಕ ಸಮಸ್ಯೆ ಉಂಟಾಗಿದೆ.",
        one_moment: "ಒಂದು ಕ್ಷಣ ನಿರೀಕ್ಷಿಸಿ.",
        keys: "ಕ್ಷಮಿಸಿ, ಈಗ ನಿಮ್ಮ ಮಾತು ಸರಿಯಾಗಿ ಕೇಳಿಸುತ್ತಿಲ್ಲ. ಫೋನಿನ ಗುಂಡಿಗಳನ್ನು ಒತ್ತಿಯೂ ಉತ್ತರಿಸಬಹುದು.",
        too_long: "ಕ್ಷಮಿಸಿ, ಈ ಕರೆಯ ಸಮಯ ಮುಗಿದಿದೆ.",
        transfer: "ದಯವಿಟ್ಟು ನಿರೀಕ್ಷಿಸಿ, ನಿಮ್ಮನ್ನು ನಮ್ಮ ಪ್ರತಿನಿಧಿಗೆ ಸಂಪರ್ಕಿಸುತ್ತಿದ್ದೇವೆ.",
        goodbye: "ನಾವು ನಿಮಗೆ ನಂತರ ಕರೆ ಮಾಡುತ್ತೇವೆ. ಧನ್ಯವಾದಗಳು.",
    },
    Words {
        language: "ml",
        failed: "ക്ഷമിക്കണം, ഞങ്ങളുടെ ഭാഗത്ത് ഒരു സാങ്കേതിക തകരാർ ഉണ്ടായി.",
        one_moment: "ഒരു നിമിഷം കാത്തിരിക്കൂ.",
        keys: "ക്ഷമിക്കണം, ഇപ്പോൾ നിങ്ങൾ പറയുന്നത് ശരിയായി കേൾക്കാൻ കഴിയുന്നില്ല. ഫോണിലെ ബട്ടണുകൾ അമർത്തിയും മറുപടി നൽകാം.",
        too_long: "ക്ഷമിക്കണം, ഈ കോളിന്റെ സമയം കഴിഞ്ഞു.",
        transfer: "ദയവായി കാത്തിരിക്കൂ, ഞങ്ങൾ നിങ്ങളെ ഞങ്ങളുടെ പ്രതിനിധിയുമായി ബന്ധിപ്പിക്കുകയാണ്.",
        goodbye: "ഞങ്ങൾ നിങ്ങളെ പിന്നീട് വിളിക്കാം. നന്ദി.",
    },
];

/// What is said before the call is transferred or ended: in the caller's language if it is one of
/// the engine's eleven, else in English.
pub fn fallback_prompt(language: &Language, why: Why, transfer: bool) -> RenderedPrompt {
    let (language, own) = of(language);
    let reason = match why {
        Why::Failed => own.failed,
        Why::TooLong => own.too_long,
    };
    let follows = if transfer { own.transfer } else { own.goodbye };
    words(language, format!("{reason} {follows}"))
}

/// The name of the prompt with which a call goes on.
pub const RESUMED: &str = "engine-resumed";

/// The apology of an engine that goes on with another one's call.
pub fn resumed(language: &Language) -> RenderedPrompt {
    let (language, own) = of(language);
    RenderedPrompt {
        template: RESUMED.to_owned(),
        ..words(language, own.failed.to_owned())
    }
}

/// Asks the caller to wait while the recogniser is late.
pub fn one_moment(language: &Language) -> RenderedPrompt {
    let (language, own) = of(language);
    RenderedPrompt {
        template: ONE_MOMENT.to_owned(),
        ..words(language, own.one_moment.to_owned())
    }
}

/// Offers the keys, while speech is not recognised. A key may interrupt it.
pub fn by_keys(language: &Language) -> RenderedPrompt {
    let (language, own) = of(language);
    RenderedPrompt {
        template: BY_KEYS.to_owned(),
        interruptible: true,
        ..words(language, own.keys.to_owned())
    }
}

/// The engine's sentences in a language, or else the English ones.
fn of(language: &Language) -> (Language, &'static Words) {
    match OTHERS
        .iter()
        .find(|words| words.language == language.primary())
    {
        Some(words) => (language.clone(), words),
        None => (Language::english(), &ENGLISH),
    }
}

/// An uninterruptible prompt with this text, which is the engine's or the manifest's.
pub fn words(language: Language, text: String) -> RenderedPrompt {
    let utterance = Utterance {
        text: Masked::new(text),
        language,
        voice: None,
    };
    RenderedPrompt {
        template: NAME.to_owned(),
        interruptible: false,
        source: Source::Words {
            utterance,
            personal: false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(tag: &str, why: Why, transfer: bool) -> (String, String) {
        let Source::Words { utterance, .. } =
            fallback_prompt(&Language::parse(tag).unwrap(), why, transfer).source
        else {
            panic!("no words")
        };
        (
            utterance.language.to_string(),
            utterance.text.expose().to_owned(),
        )
    }

    #[test]
    fn everyone_hears_it_in_his_language_and_all_others_in_english() {
        let english = said("en", Why::Failed, false);
        assert_eq!(
            english,
            (
                "en-IN".to_owned(),
                "I am sorry, something went wrong on our side. We will call you again. Goodbye."
                    .to_owned()
            )
        );
        assert_eq!(said("fr", Why::Failed, false), english);
        for Words { language, .. } in &OTHERS {
            let mut each = [
                (Why::Failed, true),
                (Why::Failed, false),
                (Why::TooLong, true),
                (Why::TooLong, false),
            ]
            .map(|(why, transfer)| {
                let (spoken, text) = said(language, why, transfer);
                assert!(
                    spoken.starts_with(language)
                        && text.chars().all(|letter| !letter.is_ascii_alphabetic()),
                    "{language}: {text}"
                );
                text
            });
            let tag = Language::parse(language).unwrap();
            for own in [one_moment(&tag), by_keys(&tag)] {
                assert!(
                    own.language().to_string().starts_with(language)
                        && own
                            .text()
                            .expose()
                            .chars()
                            .all(|letter| !letter.is_ascii_alphabetic()),
                    "{language}"
                );
            }
            each.sort();
            assert!(each.windows(2).all(|pair| pair[0] != pair[1]), "{each:#?}");
        }
    }
}
