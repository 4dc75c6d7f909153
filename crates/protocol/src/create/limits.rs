//! Ceilings, whole (create) and key by key (update).

use serde_json::Value;

use super::units::{self, DISK, MEMORY, SWAP};
use super::update::Change;
use crate::Object;
use crate::code::Code;
use crate::params::Invalid;

/// Ceilings as asked for; none = unlimited, or Docker's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitsRequest {
    /// Bytes.
    pub memory_bytes: Option<u64>,
    /// Swap on top of memory.
    pub swap: SwapLimit,
    /// Bytes; a ceiling for the data directory.
    pub disk_bytes: Option<u64>,
    /// Thousandths of one core: 1000 = one core = 100 percent.
    pub cpu_millis: Option<u64>,
    /// Block IO weight, 10 to 1000.
    pub io_weight: Option<u16>,
    /// The cpu set, such as `0-3,5`.
    pub threads: Option<String>,
}

/// Swap allowed on top of the memory limit (P-158).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SwapLimit {
    /// No swap.
    #[default]
    None,
    /// As much as there is.
    Unlimited,
    /// So many bytes.
    Bytes(u64),
}

/// Ceilings an update names (P-167).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitChanges {
    /// Bytes; none = unlimited.
    pub memory_bytes: Change<Option<u64>>,
    /// Swap on top of memory.
    pub swap: Change<SwapLimit>,
    /// Bytes; none = unlimited.
    pub disk_bytes: Change<Option<u64>>,
    /// Thousandths of one core; none = unlimited.
    pub cpu_millis: Change<Option<u64>>,
    /// Block IO weight; none = the default.
    pub io_weight: Change<Option<u16>>,
    /// The cpu set; none = all.
    pub threads: Change<Option<String>>,
}

impl LimitsRequest {
    pub(super) fn from_config(config: &Object) -> Result<Self, Invalid> {
        Ok(LimitChanges::from_config(config)?.applied_to(Self::default()))
    }
}

impl LimitChanges {
    /// Reads `limits`, or the same keys beside it (P-157).
    pub(super) fn from_config(config: &Object) -> Result<Self, Invalid> {
        let nested = match config.get("limits") {
            None | Some(Value::Null) => None,
            Some(Value::Object(limits)) => Some(limits),
            Some(_) => return Err(Invalid::new(Code::ConfigInvalid, "limits", "must be an object")),
        };
        let find = |key: &str| match nested.and_then(|limits| limits.get(key)) {
            Some(value) => Some((format!("limits.{key}"), value)),
            None => config.get(key).map(|value| (key.to_owned(), value)),
        };
        Ok(Self {
            memory_bytes: change(find("memory"), |value, field| units::size(value, field, &MEMORY))?,
            swap: change(find("swap"), swap)?,
            disk_bytes: change(find("disk"), |value, field| units::size(value, field, &DISK))?,
            cpu_millis: change(find("cpu"), units::cpu_millis)?,
            io_weight: change(find("io"), |value, _| Ok(units::io_weight(value)))?,
            threads: change(find("threads"), threads)?,
        })
    }

    /// The ceilings after this change.
    pub fn applied_to(self, limits: LimitsRequest) -> LimitsRequest {
        LimitsRequest {
            memory_bytes: self.memory_bytes.or_keep(limits.memory_bytes),
            swap: self.swap.or_keep(limits.swap),
            disk_bytes: self.disk_bytes.or_keep(limits.disk_bytes),
            cpu_millis: self.cpu_millis.or_keep(limits.cpu_millis),
            io_weight: self.io_weight.or_keep(limits.io_weight),
            threads: self.threads.or_keep(limits.threads),
        }
    }

    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn change<T>(
    found: Option<(String, &Value)>,
    read: impl Fn(&Value, &str) -> Result<T, Invalid>,
) -> Result<Change<T>, Invalid> {
    match found {
        None => Ok(Change::Keep),
        Some((field, value)) => Ok(Change::Set(read(value, &field)?)),
    }
}

fn swap(value: &Value, field: &str) -> Result<SwapLimit, Invalid> {
    let is_unlimited = value.as_f64() == Some(-1.0) || value.as_str().map(str::trim) == Some("-1");
    if is_unlimited {
        return Ok(SwapLimit::Unlimited);
    }
    Ok(units::size(value, field, &SWAP)?.map_or(SwapLimit::None, SwapLimit::Bytes))
}

/// Longest cpu set that is taken; one that names a thousand cpus one by one is shorter.
const MAX_CPU_SET: usize = 4096;

/// A list of cpus and ranges of them (P-161); a number is one cpu.
fn threads(value: &Value, field: &str) -> Result<Option<String>, Invalid> {
    let set = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.chars().filter(|character| *character != ' ').collect(),
        _ => return Err(Invalid::new(Code::ConfigInvalid, field, "must be a text such as 0-3,5")),
    };
    if set.is_empty() {
        return Ok(None);
    }
    let cpu = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u16>().ok()).flatten();
    let is_range = |part: &str| match part.split_once('-') {
        None => cpu(part).is_some(),
        Some((first, last)) => matches!((cpu(first), cpu(last)), (Some(first), Some(last)) if first <= last),
    };
    if set.len() > MAX_CPU_SET || !set.split(',').all(is_range) {
        return Err(Invalid::new(Code::ConfigInvalid, field, "must be a text such as 0-3,5"));
    }
    Ok(Some(set))
}
