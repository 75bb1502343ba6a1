//! The words of nine Indian languages that are spoken with digits. To add a language, add an entry.

use super::figures::Words;

/// The words of a language, by its primary tag.
pub(super) fn words(primary: &str) -> Option<&'static Words> {
    WORDS.iter().find(|words| words.language == primary)
}

#[rustfmt::skip]
static WORDS: [Words; 9] = [
    Words {
        language: "ta", minus: "மைனஸ்", rupees: "ரூபாய்", paise: "பைசா",
        months: ["ஜனவரி", "பிப்ரவரி", "மார்ச்", "ஏப்ரல்", "மே", "ஜூன்", "ஜூலை", "ஆகஸ்ட்", "செப்டம்பர்", "அக்டோபர்", "நவம்பர்", "டிசம்பர்"],
        month_first: true,
        parts_of_day: ["காலை", "மதியம்", "மாலை", "இரவு"],
        hour: "மணி", hour_and: "மணி", minutes: "நிமிடம்",
    },
    Words {
        language: "te", minus: "మైనస్", rupees: "రూపాయలు", paise: "పైసలు",
        months: ["జనవరి", "ఫిబ్రవరి", "మార్చి", "ఏప్రిల్", "మే", "జూన్", "జూలై", "ఆగస్టు", "సెప్టెంబర్", "అక్టోబర్", "నవంబర్", "డిసెంబర్"],
        month_first: true,
        parts_of_day: ["ఉదయం", "మధ్యాహ్నం", "సాయంత్రం", "రాత్రి"],
        hour: "గంటలు", hour_and: "గంటల", minutes: "నిమిషాలు",
    },
    Words {
        language: "mr", minus: "मायनस", rupees: "रुपये", paise: "पैसे",
        months: ["जानेवारी", "फेब्रुवारी", "मार्च", "एप्रिल", "मे", "जून", "जुलै", "ऑगस्ट", "सप्टेंबर", "ऑक्टोबर", "नोव्हेंबर", "डिसेंबर"],
        month_first: false,
        parts_of_day: ["सकाळी", "दुपारी", "संध्याकाळी", "रात्री"],
        hour: "वाजता", hour_and: "वाजून", minutes: "मिनिटे",
    },
    Words {
        language: "kn", minus: "ಮೈನಸ್", rupees: "ರೂಪಾಯಿ", paise: "ಪೈಸೆ",
        months: ["ಜನವರಿ", "ಫೆಬ್ರವರಿ", "ಮಾರ್ಚ್", "ಏಪ್ರಿಲ್", "ಮೇ", "ಜೂನ್", "ಜುಲೈ", "ಆಗಸ್ಟ್", "ಸೆಪ್ಟೆಂಬರ್", "ಅಕ್ಟೋಬರ್", "ನವೆಂಬರ್", "ಡಿಸೆಂಬರ್"],
        month_first: true,
        parts_of_day: ["ಬೆಳಿಗ್ಗೆ", "ಮಧ್ಯಾಹ್ನ", "ಸಂಜೆ", "ರಾತ್ರಿ"],
        hour: "ಗಂಟೆ", hour_and: "ಗಂಟೆ", minutes: "ನಿಮಿಷ",
    },
    Words {
        language: "ml", minus: "മൈനസ്", rupees: "രൂപ", paise: "പൈസ",
        months: ["ജനുവരി", "ഫെബ്രുവരി", "മാർച്ച്", "ഏപ്രിൽ", "മേയ്", "ജൂൺ", "ജൂലൈ", "ഓഗസ്റ്റ്", "സെപ്റ്റംബർ", "ഒക്ടോബർ", "നവംബർ", "ഡിസംബർ"],
        month_first: true,
        parts_of_day: ["രാവിലെ", "ഉച്ചയ്ക്ക്", "വൈകുന്നേരം", "രാത്രി"],
        hour: "മണി", hour_and: "മണി", minutes: "മിനിറ്റ്",
    },
    Words {
        language: "bn", minus: "মাইনাস", rupees: "টাকা", paise: "পয়সা",
        months: ["জানুয়ারি", "ফেব্রুয়ারি", "মার্চ", "এপ্রিল", "মে", "জুন", "জুলাই", "আগস্ট", "সেপ্টেম্বর", "অক্টোবর", "নভেম্বর", "ডিসেম্বর"],
        month_first: false,
        parts_of_day: ["সকাল", "দুপুর", "বিকেল", "রাত"],
        hour: "টা", hour_and: "টা", minutes: "মিনিট",
    },
    Words {
        language: "gu", minus: "માઇનસ", rupees: "રૂપિયા", paise: "પૈસા",
        months: ["જાન્યુઆરી", "ફેબ્રુઆરી", "માર્ચ", "એપ્રિલ", "મે", "જૂન", "જુલાઈ", "ઑગસ્ટ", "સપ્ટેમ્બર", "ઑક્ટોબર", "નવેમ્બર", "ડિસેમ્બર"],
        month_first: false,
        parts_of_day: ["સવારે", "બપોરે", "સાંજે", "રાત્રે"],
        hour: "વાગ્યે", hour_and: "વાગીને", minutes: "મિનિટ",
    },
    Words {
        language: "pa", minus: "ਮਾਈਨਸ", rupees: "ਰੁਪਏ", paise: "ਪੈਸੇ",
        months: ["ਜਨਵਰੀ", "ਫ਼ਰਵਰੀ", "ਮਾਰਚ", "ਅਪ੍ਰੈਲ", "ਮਈ", "ਜੂਨ", "ਜੁਲਾਈ", "ਅਗਸਤ", "ਸਤੰਬਰ", "ਅਕਤੂਬਰ", "ਨਵੰਬਰ", "ਦਸੰਬਰ"],
        month_first: false,
        parts_of_day: ["ਸਵੇਰੇ", "ਦੁਪਹਿਰੇ", "ਸ਼ਾਮ", "ਰਾਤ"],
        hour: "ਵਜੇ", hour_and: "ਵੱਜ ਕੇ", minutes: "ਮਿੰਟ",
    },
    Words {
        language: "or", minus: "ମାଇନସ୍", rupees: "ଟଙ୍କା", paise: "ପଇସା",
        months: ["ଜାନୁଆରୀ", "ଫେବୃଆରୀ", "ମାର୍ଚ୍ଚ", "ଅପ୍ରେଲ", "ମଇ", "ଜୁନ", "ଜୁଲାଇ", "ଅଗଷ୍ଟ", "ସେପ୍ଟେମ୍ବର", "ଅକ୍ଟୋବର", "ନଭେମ୍ବର", "ଡିସେମ୍ବର"],
        month_first: true,
        parts_of_day: ["ସକାଳ", "ଦ୍ୱିପହର", "ସନ୍ଧ୍ୟା", "ରାତି"],
        hour: "ଟା", hour_and: "ଟା", minutes: "ମିନିଟ୍",
    },
];
