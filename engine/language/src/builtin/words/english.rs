//! English as spoken in India, and what recognisers write of it. Spellings are separated by `|`.

use super::Meaning::{self, *};
use super::Part;

#[rustfmt::skip]
pub(super) const WORDS: &[(Meaning, &str)] = &[
    (Number(0), "zero|nought|naught"),
    (Number(1), "one"), (Number(2), "two"), (Number(3), "three"), (Number(4), "four"), (Number(5), "five"),
    (Number(6), "six"), (Number(7), "seven"), (Number(8), "eight"), (Number(9), "nine"), (Number(10), "ten"),
    (Number(11), "eleven"), (Number(12), "twelve"), (Number(13), "thirteen"), (Number(14), "fourteen"),
    (Number(15), "fifteen"), (Number(16), "sixteen"), (Number(17), "seventeen"), (Number(18), "eighteen"),
    (Number(19), "nineteen"),
    (Tens(20), "twenty"), (Tens(30), "thirty"), (Tens(40), "forty|fourty"), (Tens(50), "fifty"), (Tens(60), "sixty"),
    (Tens(70), "seventy"), (Tens(80), "eighty"), (Tens(90), "ninety|ninty"),
    (Scale(100), "hundred|hundreds"), (Scale(1_000), "thousand|thousands"), (Scale(100_000), "lakh|lakhs|lac|lacs"),
    (Scale(1_000_000), "million|millions"), (Scale(10_000_000), "crore|crores"),
    (Scale(1_000_000_000), "billion|billions"),
    (Ordinal(1), "first"), (Ordinal(2), "second"), (Ordinal(3), "third"), (Ordinal(4), "fourth"),
    (Ordinal(5), "fifth"), (Ordinal(6), "sixth"), (Ordinal(7), "seventh"), (Ordinal(8), "eighth"),
    (Ordinal(9), "ninth"), (Ordinal(10), "tenth"), (Ordinal(11), "eleventh"), (Ordinal(12), "twelfth"),
    (Ordinal(13), "thirteenth"), (Ordinal(14), "fourteenth"), (Ordinal(15), "fifteenth"), (Ordinal(16), "sixteenth"),
    (Ordinal(17), "seventeenth"), (Ordinal(18), "eighteenth"), (Ordinal(19), "nineteenth"), (Ordinal(20), "twentieth"),
    (Ordinal(21), "twenty first"), (Ordinal(22), "twenty second"), (Ordinal(23), "twenty third"),
    (Ordinal(24), "twenty fourth"), (Ordinal(25), "twenty fifth"), (Ordinal(26), "twenty sixth"),
    (Ordinal(27), "twenty seventh"), (Ordinal(28), "twenty eighth"), (Ordinal(29), "twenty ninth"),
    (Ordinal(30), "thirtieth"), (Ordinal(31), "thirty first"),

    (Oh, "oh|o"), (Repeat(2), "double"), (Repeat(3), "triple|treble"),
    (Half, "half"), (Quarter, "quarter"), (A, "a|an"), (And, "and"), (Point, "point|decimal|dot"),
    (Plus, "plus"), (Minus, "minus|negative"),

    (Major("INR"), "rupees|rupee|rs|re|inr|rupiya|rupaye"), (Minor("INR"), "paise|paisa"),
    (Major("USD"), "dollars|dollar|usd"), (Minor("USD EUR"), "cents|cent"),
    (Major("EUR"), "euros|euro|eur"),
    (Major("GBP"), "pounds|pound|gbp"), (Minor("GBP"), "pence|penny"),
    (Major("AED"), "dirhams|dirham|aed"), (Minor("AED"), "fils"),

    (Month(1), "january|jan"), (Month(2), "february|feb"), (Month(3), "march|mar"), (Month(4), "april|apr"),
    (Month(5), "may"), (Month(6), "june|jun"), (Month(7), "july|jul"), (Month(8), "august|aug"),
    (Month(9), "september|sept|sep"), (Month(10), "october|oct"), (Month(11), "november|nov"),
    (Month(12), "december|dec"),
    (Weekday(0), "monday"), (Weekday(1), "tuesday"), (Weekday(2), "wednesday"), (Weekday(3), "thursday"),
    (Weekday(4), "friday"), (Weekday(5), "saturday"), (Weekday(6), "sunday"),
    (Offset(0), "today"), (Offset(1), "tomorrow"), (Offset(2), "day after tomorrow|the day after tomorrow"),
    (Offset(-1), "yesterday"), (Offset(-2), "day before yesterday|the day before yesterday"),
    (Next, "next"), (This, "this"), (Last, "last|previous"), (Coming, "coming|upcoming"),
    (Days, "day|days"), (Weeks, "week|weeks"), (Months, "month|months"), (Minutes, "minute|minutes"), (Hours, "hour|hours"),
    (In, "in"), (After, "after"), (Later, "later|from now|from today"), (Ago, "ago|back"), (Of, "of"),

    (Am, "am|a m"), (Pm, "pm|p m"),
    (PartOfDay(Part::Morning), "morning"), (PartOfDay(Part::Afternoon), "afternoon"),
    (PartOfDay(Part::Evening), "evening"), (PartOfDay(Part::Night), "night|tonight"),
    (Noon, "noon|midday"), (Midnight, "midnight"), (OClock, "oclock|o clock"), (Past, "past"), (To, "to"),

    (Denial, "no|nope"), (Correction, "sorry|i mean|actually|correction|rather|wait"),
    (Filler, "um|uh|uhm|er|erm|ah|hmm|hm|mm|well|so|please|sir|madam|maam|yes|yeah|okay|ok"),
    (Gap, "it is|its|is|that is|thats|this is|on|the|at|only|my number is|the number is|number is|date"),
];
