//! Where the API is: a region's host, and the path of each resource.

use std::fmt;

use ghanti_model::CallSid;

/// The region of an account; each account is in one region only.
///
/// Source: Exotel, "Make a call": the Singapore and the Mumbai cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Region {
    /// India.
    Mumbai,
    /// Outside India.
    Singapore,
}

impl Region {
    /// The base URL of the API, without a slash at its end.
    pub fn base_url(self) -> &'static str {
        match self {
            Region::Mumbai => "https://api.in.exotel.com",
            Region::Singapore => "https://api.exotel.com",
        }
    }
}

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads; may be repeated.
    Get,
    /// Dials or sends; must not be repeated.
    Post,
}

/// A resource of an account.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Resource<'a> {
    /// `Calls/connect`: dials.
    Connect,
    /// `Calls/SID`: one call.
    Call(&'a CallSid),
    /// `Calls`: many calls, by filters in the query.
    Calls,
    /// `ActiveStreams`: how many media streams there are.
    ActiveStreams,
    /// `Sms/send`: sends an SMS.
    SendSms,
    /// `IncomingPhoneNumbers`: the account's ExoPhones. This page is JSON without `.json`.
    ExoPhones,
}

impl Resource<'_> {
    /// The method of its request.
    pub fn method(self) -> Method {
        match self {
            Resource::Connect | Resource::SendSms => Method::Post,
            _ => Method::Get,
        }
    }

    /// The segments of the path, not percent-encoded: `v1`, `Accounts`, the account, and so on.
    pub fn segments(self, account: &str) -> Vec<String> {
        let version = match self {
            Resource::ExoPhones => "v2_beta",
            _ => "v1",
        };
        let mut segments = vec![
            version.to_owned(),
            "Accounts".to_owned(),
            account.to_owned(),
        ];
        match self {
            Resource::Connect => segments.extend(["Calls".to_owned(), "connect.json".to_owned()]),
            Resource::SendSms => segments.extend(["Sms".to_owned(), "send.json".to_owned()]),
            Resource::Call(sid) => segments.extend(["Calls".to_owned(), format!("{sid}.json")]),
            Resource::Calls => segments.push("Calls.json".to_owned()),
            Resource::ActiveStreams => segments.push("ActiveStreams".to_owned()),
            Resource::ExoPhones => segments.push("IncomingPhoneNumbers".to_owned()),
        }
        segments
    }
}

impl fmt::Debug for Resource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resource::Connect => "Calls/connect",
            Resource::Call(_) => "Calls/SID",
            Resource::SendSms => "Sms/send",
            Resource::Calls => "Calls",
            Resource::ActiveStreams => "ActiveStreams",
            Resource::ExoPhones => "IncomingPhoneNumbers",
        })
    }
}

/// The URL of a flow, for [`ConnectToFlow`](super::ConnectToFlow): Exotel's own notation for "this
/// flow", the same in all regions; nobody fetches it. `app` is the number in the flow's address on
/// the dashboard.
pub fn flow_url(account: &str, app: &str) -> String {
    format!("http://my.exotel.com/{account}/exoml/start_voice/{app}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_as_documented() {
        let sid = CallSid::parse("c1").unwrap();
        for (resource, method, path) in [
            (
                Resource::Connect,
                Method::Post,
                "v1/Accounts/acme/Calls/connect.json",
            ),
            (
                Resource::Call(&sid),
                Method::Get,
                "v1/Accounts/acme/Calls/c1.json",
            ),
            (Resource::Calls, Method::Get, "v1/Accounts/acme/Calls.json"),
            (
                Resource::SendSms,
                Method::Post,
                "v1/Accounts/acme/Sms/send.json",
            ),
            (
                Resource::ActiveStreams,
                Method::Get,
                "v1/Accounts/acme/ActiveStreams",
            ),
            (
                Resource::ExoPhones,
                Method::Get,
                "v2_beta/Accounts/acme/IncomingPhoneNumbers",
            ),
        ] {
            assert_eq!(resource.segments("acme").join("/"), path);
            assert_eq!(resource.method(), method, "{path}");
        }
        assert_eq!(
            flow_url("acme", "123"),
            "http://my.exotel.com/acme/exoml/start_voice/123"
        );
    }
}
