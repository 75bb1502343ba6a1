//! Words of everyday speech that of two languages of one script only one has. Words of both are
//! left out: Hindi and Marathi करा, का, हो; Hinglish `main`, `to`, `me`, `do`, `is`, `the`, `he`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::lexicon::normal_words;

const HINDI: &str = "
    मैं मैंने मुझे मुझको मेरा मेरी मेरे हमें हमारा हमारी हमारे आपको आपका आपकी आपके आपने तुम तुम्हें
    वह वो वे उन्हें उनका उनकी उनके उनको उसका उसकी उसके इसका इसकी इसके यह यहाँ वहाँ कहाँ
    है हैं हूँ था थी थे होगा होगी होंगे रहा रही रहे गया गयी गई गए
    के को से में पर तक ने और लेकिन मगर क्योंकि अगर भी
    नहीं क्या क्यों कब कौन कैसे कितना कितनी कितने अभी बाद सिर्फ़ बहुत थोड़ा
    करो करिए करूँगा करूँगी करेंगे करना करनी दीजिए दूँगा दूँगी लूँगा बोलिए बताइए बताओ चाहिए चाहता चाहती
    हाँ कोई कुछ कल
";

const MARATHI: &str = "
    मी मला माझा माझी माझं माझे माझ्या आम्ही आम्हाला आमचा आमची आमचे तुम्ही तुम्हाला तुमचा तुमची तुमचं तुमचे तुमच्या आपण
    त्या त्यांना त्यांचा त्यांची त्यांचे त्याचा तिचा हे इथे तिथे कुठे
    आहे आहेत आहात नाही नाहीत नव्हतं नव्हते होतं असेल असतं झालं झाला झाली
    आणि किंवा पण जर तर
    नको नका काय केव्हा कधी कोण कसं कसे किती आत्ता नंतर फक्त खूप थोडं
    करतो करते करेन करू करायचं करायचे द्या देतो देते देईन देऊ घेतो सांगा बोलतोय बोलतेय हवं हवे पाहिजे
    होय बरोबर भरतो भरते भरेन भरले भरला उद्या
";

const HINGLISH: &str = "
    haan han haa nahi nahin nai ji mujhe mujhko mera meri mere hume humein hamara hamari aap aapko aapka aapki aapke tum tumhe
    woh wo voh unka unki unke unko uska uski uske iska yeh ye yahan wahan kahan kahaan
    hai hain hoon hun tha thi hoga hogi raha rahi rahe gaya gayi
    ka ki ke ko se mein aur lekin magar kyunki agar bhi
    kya kyun kyon kab kaun kaise kitna kitni kitne abhi baad sirf bahut thoda
    kar karo karna karni karunga karungi karenge kariye dijiye dunga dungi lunga boliye bataiye batao chahiye chahta chahti
    theek thik paisa paise koi kuch kal galat sahi matlab bhai bhaiya
";

const ENGLISH: &str = "
    i i'm i've i'll i'd you you're your yours my mine we our she his her they them their it it's its
    am are was were be been have has had will would can could should does did don't didn't won't can't isn't
    a an and or but because if of for from with at on by about this that these those there here
    not what when where why who how which yesterday only very much many
    want need know think tell say speak talking
";

/// English words that Hindi speakers use, too: they indicate English only where no other word indicates
/// anything.
const BORROWED: &str = "
    yes no yeah call calling pay paid sorry thank thanks wrong already next week month later tomorrow today now
";

static WORDS: LazyLock<BTreeMap<&'static str, BTreeSet<String>>> = LazyLock::new(|| {
    let hindi = [HINDI, HINGLISH].into_iter().flat_map(normal).collect();
    let (english, marathi) = (normal(ENGLISH).collect(), normal(MARATHI).collect());
    BTreeMap::from([("hi", hindi), ("mr", marathi), ("en", english)])
});

static BORROWED_WORDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| normal(BORROWED).collect());

fn normal(list: &str) -> impl Iterator<Item = String> {
    list.split_whitespace().flat_map(normal_words)
}

/// Whether a normalised word is of this language rather than of the other one of its script.
pub(super) fn is_of(word: &str, primary: &str) -> bool {
    WORDS.get(primary).is_some_and(|words| words.contains(word))
}

/// Whether a normalised word is of this language, though another one of its script borrows it.
pub(super) fn is_lent_by(word: &str, primary: &str) -> bool {
    primary == "en" && BORROWED_WORDS.contains(word)
}

/// All words of a language, normalised.
#[cfg(test)]
pub(super) fn of(primary: &str) -> impl Iterator<Item = &'static String> {
    WORDS.get(primary).into_iter().flatten()
}
