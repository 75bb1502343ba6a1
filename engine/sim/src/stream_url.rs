//! Reads the URL of a stream as Exotel does: its query contains the sample rate and the custom
//! parameters of `start`.

use std::borrow::Cow;

use ghanti_exotel::MediaFormat;
use ghanti_model::Masked;
use reqwest::Url;

use crate::fault::WireFault;

/// Maximum number of custom parameters that Exotel accepts.
const PAIRS: usize = 3;
/// Maximum length of all custom parameters together, in characters.
const CHARACTERS: usize = 256;

/// The query keys for the sample rate; Exotel's own samples accept both.
const RATE_KEYS: [&str; 2] = ["sample-rate", "sample_rate"];

/// Replaces the sample rate, as an applet configured with another rate does.
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

/// The sample rate in the URL, or 8,000 if it has none that Exotel supports.
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

/// The custom parameters, up to the maximum number, and a fault if they exceed Exotel's limits. The
/// rate is left out: whether Exotel passes it on is not known, and nothing should rely on it.
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
    fn a_fourth_parameter_is_dropped_and_a_fault() {
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
