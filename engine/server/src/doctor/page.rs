//! The page of `GET /setup`: the applets of an Exotel flow as cards, in their order, with what to
//! paste and a lamp each. Plain HTML; nothing is loaded from elsewhere, and no script runs.

use std::fmt::Write as _;

use super::{EntrySeen, Finding, Weight, ago};

/// An applet's instructions for its set-up.
#[derive(Debug, Clone)]
pub struct Card {
    /// The applet's name at Exotel, and its place.
    pub title: &'static str,
    /// What to paste, each with the field to paste it into.
    pub paste: Vec<(&'static str, String)>,
    /// Settings and branches, a sentence each.
    pub settings: Vec<String>,
    /// Its requests so far; `None` if it makes none.
    pub seen: Option<EntrySeen>,
}

/// Everything on the page.
#[derive(Debug, Clone)]
pub struct SetupPage {
    /// The time, in milliseconds since 1970-01-01T00:00:00Z.
    pub now_ms: u64,
    /// The applets in order.
    pub cards: Vec<Card>,
    /// Whether tokens are shown; else a placeholder stands for each.
    pub has_tokens: bool,
    /// What the doctor found.
    pub findings: Vec<Finding>,
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}\
h1{font-size:1.5rem}h2{font-size:1.1rem;margin:0}\
ol{list-style:none;padding:0}\
.card,.finding{border:1px solid #bbb;border-radius:6px;padding:1rem;margin:0 0 1rem}\
.lamp{float:right;padding:.1rem .6rem;border-radius:1rem;font-size:.85rem;background:#e3e3e3}\
.lamp.asked{background:#cdeccd}.lamp.refused{background:#f6caca}\
.error{border-left:6px solid #b00020}.warning{border-left:6px solid #b07d00}\
dt{font-size:.85rem;color:#444}dd{margin:0 0 .6rem}\
code{display:block;font:14px/1.4 ui-monospace,monospace;background:#f3f3f3;padding:.5rem;border-radius:4px;overflow-wrap:anywhere;user-select:all}\
ul{margin:.4rem 0 0;padding-left:1.2rem}.fix{margin:.4rem 0 0}";

impl SetupPage {
    /// Writes the page.
    pub fn html(&self) -> String {
        let mut html = String::with_capacity(16 << 10);
        // writing to a text cannot fail
        let _ = self.write(&mut html);
        html
    }

    fn write(&self, html: &mut String) -> std::fmt::Result {
        write!(
            html,
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <title>Exotel set-up</title><style>{STYLE}</style></head><body><h1>What to paste into Exotel's flow</h1>\
             <p>Build the flow in this order. The lamps tell what was asked since this engine started; load the page again to see them now.</p>"
        )?;
        if !self.has_tokens {
            html.push_str(
                "<p><strong>TOKEN</strong> stands for the tokens of <code>[server]</code>: they are shown once <code>api-token</code> protects this page.</p>",
            );
        }
        html.push_str("<ol>");
        for (nth, card) in self.cards.iter().enumerate() {
            self.card(nth + 1, card, html)?;
        }
        html.push_str("</ol><h1>What the doctor finds</h1>");
        if self.findings.is_empty() {
            html.push_str("<p>Nothing is wrong as far as it was seen.</p>");
        }
        for finding in &self.findings {
            write_finding(finding, html)?;
        }
        html.push_str("</body></html>\n");
        Ok(())
    }

    fn card(&self, nth: usize, card: &Card, html: &mut String) -> std::fmt::Result {
        html.push_str("<li class=\"card\">");
        if let Some(seen) = &card.seen {
            for (kind, words) in self.lamps(seen) {
                write!(
                    html,
                    "<span class=\"lamp {kind}\">{}</span>",
                    escaped(&words)
                )?;
            }
        }
        write!(html, "<h2>{nth}. {}</h2><dl>", escaped(card.title))?;
        for (place, value) in &card.paste {
            write!(
                html,
                "<dt>{}</dt><dd><code>{}</code></dd>",
                escaped(place),
                escaped(value)
            )?;
        }
        html.push_str("</dl><ul>");
        for setting in &card.settings {
            write!(html, "<li>{}</li>", escaped(setting))?;
        }
        html.push_str("</ul></li>");
        Ok(())
    }

    fn lamps(&self, seen: &EntrySeen) -> Vec<(&'static str, String)> {
        let mut lamps = Vec::new();
        if seen.refused.count > 0 {
            let when = ago(self.now_ms, seen.refused.last_ms);
            lamps.push((
                "refused",
                format!("refused {} times, last {when}", seen.refused.count),
            ));
        }
        if seen.served.count > 0 {
            let when = ago(self.now_ms, seen.served.last_ms);
            lamps.push(("asked", format!("asked {when}")));
        }
        if lamps.is_empty() {
            lamps.push(("never", "never asked".to_owned()));
        }
        lamps
    }
}

fn write_finding(finding: &Finding, html: &mut String) -> std::fmt::Result {
    let weight = match finding.weight {
        Weight::Error => "error",
        Weight::Warning => "warning",
    };
    write!(
        html,
        "<div class=\"finding {weight}\"><h2>{}</h2><p>{}</p><ul>",
        escaped(finding.code.name()),
        escaped(&finding.sentence)
    )?;
    for sentence in &finding.evidence {
        write!(html, "<li>{}</li>", escaped(sentence))?;
    }
    write!(
        html,
        "</ul><p class=\"fix\"><strong>Fix:</strong> {}</p></div>",
        escaped(&finding.fix)
    )
}

/// A text as HTML, in an element or a quoted attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::{Code, Seen};
    use super::*;

    #[test]
    fn the_page_shows_cards_with_lamps_and_nothing_that_others_send_is_markup() {
        let attack = "<script>alert('x')</script>\"&".to_owned();
        let seen = |served: u64, refused: u64| EntrySeen {
            served: Seen {
                count: served,
                last_ms: 88_000,
            },
            refused: Seen {
                count: refused,
                last_ms: 95_000,
            },
        };
        let card = |title, seen| Card {
            title,
            paste: vec![("URL", attack.clone())],
            settings: vec![attack.clone()],
            seen: Some(seen),
        };
        let page = SetupPage {
            now_ms: 100_000,
            cards: vec![
                card("Passthru", seen(3, 0)),
                card("Voicebot", seen(0, 2)),
                card("Connect", seen(0, 0)),
            ],
            has_tokens: true,
            findings: vec![Finding {
                code: Code::OldHost,
                weight: Weight::Error,
                sentence: attack.clone(),
                evidence: vec![attack.clone()],
                fix: attack.clone(),
            }],
        };
        let html = page.html();
        for words in [
            "asked 12 s ago",
            "refused 2 times, last 5 s ago",
            "never asked",
            "old-host",
        ] {
            assert!(html.contains(words), "{words}: {html}");
        }
        for forbidden in ["<script", "src=", "href=", "@import", "url(", "TOKEN"] {
            assert!(!html.contains(forbidden), "{forbidden}: {html}");
        }
        let order = ["1. Passthru", "2. Voicebot", "3. Connect"].map(|title| html.find(title));
        assert!(
            order.iter().all(Option::is_some) && order.is_sorted(),
            "{order:?}"
        );
    }
}
