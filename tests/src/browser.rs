//! A headless Chromium that tests drive, through chromedriver and the WebDriver protocol.
//!
//! Needs the programs `chromedriver` and `chromium` (Debian: `apt-get install chromium-driver`). Everything stays on
//! loopback; the profile is a new one each time and goes away with the [`Browser`].
//!
//! ```no_run
//! # async fn example(panel_url: &str) -> anyhow::Result<()> {
//! use cap_acceptance::browser::Browser;
//!
//! let browser = Browser::start().await?;
//! browser.goto(panel_url).await?;
//! browser.click("#action-start").await?;
//! browser.wait_for_text("#console-lines", "Done (").await?;
//! browser.type_into("#console-input", "list\n").await?;
//! browser.wait_for_text("#console-lines", "players online").await?;
//! # Ok(())
//! # }
//! ```

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use awc::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

mod driver;

use driver::Driver;

/// How long a condition may take; only a failing test waits that long. Starting a browser on a busy machine is slow.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(50);
/// The key under which WebDriver hides an element's id.
const ELEMENT_KEY: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Flags that keep the browser headless, on loopback, and quiet. It runs as root in tests, hence no sandbox.
const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--window-size=1440,1000",
];

/// A browser with one page. Dropping it ends its processes.
pub struct Browser {
    client: Client,
    session: String,
    // The order matters: first the processes end, then their profile is removed.
    _driver: Driver,
    _profile: TempDir,
}

impl std::fmt::Debug for Browser {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Browser").field("session", &self.session).finish_non_exhaustive()
    }
}

impl Browser {
    /// Starts chromedriver on a free port and a browser with an empty profile, 1440 by 1000 pixels.
    ///
    /// # Errors
    /// If the programs are missing or do not start; the text says what to install.
    pub async fn start() -> anyhow::Result<Self> {
        let profile = TempDir::with_prefix("cap-browser-").context("cannot make a profile directory")?;
        let driver = Driver::start(DEADLINE).await?;
        let client = Client::builder().timeout(DEADLINE).finish();
        let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": flags},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let created = request(&client, &format!("{}/session", driver.url()), Some(capabilities)).await?;
        let id = created["sessionId"].as_str().context("chromedriver gave no session")?;
        let session = format!("{}/session/{id}", driver.url());
        Ok(Self { client, session, _driver: driver, _profile: profile })
    }

    /// Opens an address and waits until it has loaded.
    pub async fn goto(&self, url: &str) -> anyhow::Result<()> {
        self.post("url", json!({"url": url})).await.map(drop)
    }

    /// Clicks the element, as soon as it is there, enabled and not covered.
    pub async fn click(&self, css: &str) -> anyhow::Result<()> {
        self.until(&format!("{css} can be clicked"), async || {
            let enabled = "const found = document.querySelector(arguments[0]); return !!found && !found.disabled";
            if self.execute(enabled, json!([css])).await? != Value::Bool(true) {
                return Ok(None);
            }
            let Ok(element) = self.find(css).await else { return Ok(None) };
            Ok(self.post(&format!("element/{element}/click"), json!({})).await.ok())
        })
        .await
        .map(drop)
    }

    /// Types text into the element, as soon as it is there and enabled; `\n` is the Enter key.
    pub async fn type_into(&self, css: &str, text: &str) -> anyhow::Result<()> {
        let keys = text.replace('\n', "\u{e007}");
        self.until(&format!("{css} can be typed into"), async || {
            let Ok(element) = self.find(css).await else { return Ok(None) };
            Ok(self.post(&format!("element/{element}/value"), json!({"text": keys})).await.ok())
        })
        .await
        .map(drop)
    }

    /// Empties a field and types text into it.
    pub async fn fill(&self, css: &str, text: &str) -> anyhow::Result<()> {
        let element = self.find(css).await?;
        self.post(&format!("element/{element}/clear"), json!({})).await?;
        self.type_into(css, text).await
    }

    /// Presses a key wherever the focus is; WebDriver's code points name special keys, see [`keys`].
    pub async fn press(&self, key: &str) -> anyhow::Result<()> {
        let actions = json!([{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]);
        let body = json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]});
        self.post("actions", body).await.map(drop)
    }

    /// The text content of the first such element, shown or not; `None` if there is none.
    pub async fn text(&self, css: &str) -> anyhow::Result<Option<String>> {
        let script = "return document.querySelector(arguments[0])?.textContent ?? null";
        Ok(self.execute(script, json!([css])).await?.as_str().map(str::to_owned))
    }

    /// Waits until the element's text contains this; gives the whole text.
    pub async fn wait_for_text(&self, css: &str, part: &str) -> anyhow::Result<String> {
        let found = self
            .until(&format!("{css} contains {part:?}"), async || {
                Ok(self.text(css).await?.filter(|text| text.contains(part)))
            })
            .await;
        match found {
            Ok(text) => Ok(text),
            Err(error) => {
                let shown = self.text(css).await?;
                Err(error.context(format!("{css} shows {shown:?}")))
            }
        }
    }

    /// Waits until a JavaScript expression is true.
    pub async fn wait_until(&self, expression: &str) -> anyhow::Result<()> {
        let script = format!("return Boolean({expression})");
        self.until(expression, async || {
            let holds = self.execute(&script, json!([])).await? == Value::Bool(true);
            Ok(holds.then_some(()))
        })
        .await
    }

    /// Runs JavaScript in the page; `return` gives its value.
    pub async fn execute(&self, script: &str, arguments: Value) -> anyhow::Result<Value> {
        self.post("execute/sync", json!({"script": script, "args": arguments})).await
    }

    /// Pretends a screen of this size, in CSS pixels; below 600 wide also a touch screen.
    pub async fn screen(&self, width: u32, height: u32) -> anyhow::Result<()> {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await
    }

    /// Pretends that the user prefers a `light` or `dark` page.
    pub async fn prefer(&self, scheme: &str) -> anyhow::Result<()> {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features})).await
    }

    /// Saves what is on the screen as a PNG.
    pub async fn screenshot(&self, file: &Path) -> anyhow::Result<()> {
        let shot = request(&self.client, &format!("{}/screenshot", self.session), None).await?;
        let bytes = decode_base64(shot.as_str().context("no picture")?)?;
        std::fs::write(file, bytes).context("cannot save the picture")
    }

    /// Errors and warnings that the page caused since the last call: script errors, refused requests, policy violations.
    pub async fn complaints(&self) -> anyhow::Result<Vec<String>> {
        let entries = self.post("se/log", json!({"type": "browser"})).await?;
        let complaint = |entry: &&Value| entry["level"] == "SEVERE" || entry["level"] == "WARNING";
        let entries = entries.as_array().context("no log")?;
        Ok(entries.iter().filter(complaint).map(|entry| entry["message"].to_string()).collect())
    }

    async fn devtools(&self, command: &str, parameters: Value) -> anyhow::Result<()> {
        self.post("goog/cdp/execute", json!({"cmd": command, "params": parameters})).await.map(drop)
    }

    async fn find(&self, css: &str) -> anyhow::Result<String> {
        let found = self.post("element", json!({"using": "css selector", "value": css})).await?;
        Ok(found[ELEMENT_KEY].as_str().context("an element without an id")?.to_owned())
    }

    async fn post(&self, command: &str, body: Value) -> anyhow::Result<Value> {
        request(&self.client, &format!("{}/{command}", self.session), Some(body)).await
    }

    async fn until<R>(&self, what: &str, look: impl AsyncFn() -> anyhow::Result<Option<R>>) -> anyhow::Result<R> {
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            ensure!(Instant::now() < end, "not within {} s: {what}", DEADLINE.as_secs());
            sleep(POLL).await;
        }
    }
}

/// WebDriver's code points of special keys.
pub mod keys {
    /// Enter.
    pub const ENTER: &str = "\u{e007}";
    /// Escape.
    pub const ESCAPE: &str = "\u{e00c}";
    /// Arrow up.
    pub const UP: &str = "\u{e013}";
    /// Arrow down.
    pub const DOWN: &str = "\u{e015}";
    /// Tab.
    pub const TAB: &str = "\u{e004}";
}

/// One WebDriver request: POST with a body, GET without; gives `value`.
async fn request(client: &Client, url: &str, body: Option<Value>) -> anyhow::Result<Value> {
    let sending = async {
        let mut response = match &body {
            Some(body) => client.post(url).send_json(body).await,
            None => client.get(url).send().await,
        }
        .map_err(|error| anyhow::anyhow!("no answer of chromedriver: {error}"))?;
        let success = response.status().is_success();
        // Pictures of a whole page are a few million bytes.
        let answer = response.body().limit(64 * 1024 * 1024).await.context("broken answer of chromedriver")?;
        let answer: Value = serde_json::from_slice(&answer).context("chromedriver did not answer JSON")?;
        if !success {
            let (error, message) = (&answer["value"]["error"], &answer["value"]["message"]);
            bail!("chromedriver: {error}: {message}");
        }
        Ok(answer["value"].clone())
    };
    timeout(DEADLINE, sending).await.context("chromedriver does not answer")?
}

/// Standard base64 with padding, as chromedriver sends pictures.
fn decode_base64(text: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut buffer, mut bits) = (0_u32, 0);
    for character in text.bytes().filter(|byte| !matches!(byte, b'=' | b'\n' | b'\r')) {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            other => bail!("byte {other} is not base64"),
        };
        buffer = (buffer << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
            buffer &= (1 << bits) - 1;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::decode_base64;

    #[test]
    fn base64_of_every_length_is_read_and_other_text_is_refused() {
        assert_eq!(decode_base64("").unwrap(), b"");
        assert_eq!(decode_base64("Zg==").unwrap(), b"f");
        assert_eq!(decode_base64("Zm8=").unwrap(), b"fo");
        assert_eq!(decode_base64("Zm9vYmFy").unwrap(), b"foobar");
        assert_eq!(decode_base64("+/+/").unwrap(), [0xfb, 0xff, 0xbf]);
        assert!(decode_base64("Zg*=").is_err());
    }
}
