//! The URL of a stream as Exotel reads it: its query gives the sample rate and the custom
//! parameters of `start`.

use std::borrow::Cow;

use ghanti_exotel::MediaFormat;
use ghanti_model::Masked;
use reqwest::Url;

use crate::fault::WireFault;

/// Exotel takes so many custom parameters, of so many characters together.
const PAIRS: usize = 3;
const CHARACTERS: usize = 256;

/// The keys that choose the rate; Exotel's own samples accept both.
const RATE_KEYS: [&str; 2] = ["sample-rate", "sample_rate"];

/// Chooses a rate, as an applet does that was set up with another one than the engine says.
pub fn with_rate(mut url: Url, rate_hz: u32) -> Url {
    let others: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(key, _)| !RATE_KEYS.contains(&key.as_ref()))
        .map(owned)
        .collect();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(others)
        .append_pair("sample-rate", &rate_hz.to_string());
    url
}

fn owned((key, value): (Cow<'_, str>, Cow<'_, str>)) -> (String, String) {
    (key.into_owned(), value.into_owned())
}

/// The rate the URL chooses: 8,000 where it chooses none that Exotel knows.
pub fn format(url: &Url) -> MediaFormat {
    let rate = url
        .query_pairs()
        .find(|(key, _)| RATE_KEYS.contains(&key.as_ref()))
        .and_then(|(_, rate)| rate.parse().ok());
    let default = MediaFormat::default();
    MediaFormat {
        rate_hz: rate
            .filter(|rate| matches!(rate, 16_000 | 24_000))
            .unwrap_or(default.rate_hz),
        ..default
    }
}

/// The custom parameters, cut to what Exotel takes; the second value tells of what was cut. Whether
/// the rate itself is passed on is not known: it is left out, so that nothing comes to rely on it.
pub fn parameters(url: &Url) -> (Vec<(String, Masked)>, Option<WireFault>) {
    let pairs: Vec<_> = url
        .query_pairs()
        .filter(|(key, _)| !RATE_KEYS.contains(&key.as_ref()))
        .collect();
    let characters: usize = pairs
        .iter()
        .map(|(key, value)| key.chars().count() + value.chars().count())
        .sum();
    let fault =
        (pairs.len() > PAIRS || characters > CHARACTERS).then_some(WireFault::TooManyParameters {
            pairs: pairs.len(),
            characters,
        });
    let taken = pairs
        .into_iter()
        .take(PAIRS)
        .map(|(key, value)| (key.into_owned(), Masked::new(value)))
        .collect();
    (taken, fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn the_query_gives_rate_and_parameters() {
        let url = url("wss://host/ws?sample-rate=16000&job=7");
        assert_eq!(format(&url).rate_hz, 16_000);
        assert_eq!(
            parameters(&url),
            (vec![("job".to_owned(), Masked::new("7"))], None)
        );
    }

    #[test]
    fn a_chosen_rate_replaces_the_engines() {
        assert_eq!(
            with_rate(url("wss://host/ws"), 16_000).as_str(),
            "wss://host/ws?sample-rate=16000"
        );
        assert_eq!(
            with_rate(url("wss://host/ws?a=1&sample-rate=8000"), 24_000).as_str(),
            "wss://host/ws?a=1&sample-rate=24000"
        );
    }

    #[test]
    fn a_fourth_parameter_is_cut_and_told() {
        let (taken, fault) = parameters(&url("wss://host/ws?a=1&b=2&c=3&d=4"));
        assert_eq!(taken.len(), 3);
        assert_eq!(
            fault,
            Some(WireFault::TooManyParameters {
                pairs: 4,
                characters: 8
            })
        );
    }
}
