//! The URLs to paste into Exotel, for fixes.

/// This engine's own URLs as they are shown: with tokens, or a placeholder for each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Urls {
    /// For the Passthru before the bot.
    pub passthru: String,
    /// For the Voicebot applet.
    pub voicebot_url: String,
    /// For a Voicebot applet that takes no dynamic URL.
    pub stream_url: String,
    /// For the Passthru after the bot.
    pub passthru_after: String,
    /// For Connect.
    pub connect: String,
    /// For the status callback.
    pub status: String,
}

impl Urls {
    /// Puts the URLs into a fix, in place of their names in braces.
    pub fn fill(&self, fix: &str) -> String {
        let each = [
            ("{passthru}", &self.passthru),
            ("{voicebot-url}", &self.voicebot_url),
            ("{stream-url}", &self.stream_url),
            ("{passthru-after}", &self.passthru_after),
            ("{connect}", &self.connect),
            ("{status}", &self.status),
        ];
        each.into_iter().fold(fix.to_owned(), |fix, (name, url)| {
            fix.replace(name, &format!("`{url}`"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Code;
    use super::*;

    #[test]
    fn every_url_in_a_fix_exists() {
        let urls = Urls::default();
        for code in Code::ALL {
            let filled = urls.fill(code.fix());
            assert!(!filled.contains('{'), "{code:?}: {filled}");
        }
    }
}
