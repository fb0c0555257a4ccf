//! Silero VAD in ONNX Runtime, for those who would rather run the official model.
//!
//! Library and model are files of the operator's: neither is part of the project, and nothing is
//! fetched. [`Silero`](super::Silero) gives the same answers, as `tests/onnx.rs` holds, several times
//! as fast.

use super::silero::{Context, SEEN};
use super::{Detector, WINDOW};
use ort::environment::Environment;
use ort::session::Session;
use ort::value::TensorRef;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Hidden and cell state of the LSTM, 128 each.
const STATE: [usize; 3] = [2, 1, 128];
type State = [f32; 256];

#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    #[error(
        "cannot load ONNX Runtime from {path}: {reason}; give the path of a libonnxruntime.so, 1.24 or later, \
         such as the one in onnxruntime/capi/ of the Python package onnxruntime"
    )]
    Library { path: PathBuf, reason: String },
    #[error(
        "ONNX Runtime is loaded from {loaded} already, and cannot be loaded from {path} into the same process"
    )]
    SecondLibrary { loaded: PathBuf, path: PathBuf },
    #[error(
        "cannot use the model {path}: {reason}; give the path of silero_vad.onnx, such as the one in \
         silero_vad/data/ of the Python package silero-vad"
    )]
    Model { path: PathBuf, reason: String },
}

/// The model, loaded once and shared by the detectors of all streams.
///
/// They take turns: one step at a time is computed, on the thread that asks, in 50 to 90 µs.
#[derive(Clone)]
pub struct OnnxModel(Arc<Mutex<Session>>);

impl OnnxModel {
    /// Loads the library, the first time, and the model, and tries it. The library stays for as long as
    /// the process does.
    pub fn open(library: &Path, model: &Path) -> Result<Self, OnnxError> {
        let environment = environment(library)?;
        let failed = |reason: String| OnnxError::Model { path: model.to_owned(), reason };
        let mut session = session(&environment, model).map_err(failed)?;
        run(&mut session, &[0.0; SEEN], &mut [0.0; 256]).map_err(|e| failed(e.to_string()))?;
        Ok(Self(Arc::new(Mutex::new(session))))
    }

    /// For a new stream.
    pub fn detector(&self) -> OnnxDetector {
        OnnxDetector { model: self.clone(), context: Context::default(), state: [0.0; 256], last: 0.0 }
    }
}

/// Hears one stream with the official model.
#[derive(Clone)]
pub struct OnnxDetector {
    model: OnnxModel,
    context: Context,
    state: State,
    last: f32,
}

impl Detector for OnnxDetector {
    /// Should ONNX Runtime fail, which it did not when the model was tried, the last answer stands.
    fn step(&mut self, window: &[i16; WINDOW]) -> f32 {
        let seen = self.context.before(window);
        let mut session = self.model.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.last = run(&mut session, &seen, &mut self.state).unwrap_or(self.last);
        self.last
    }
}

/// One step: the probability, and the next state in place of the last.
fn run(session: &mut Session, seen: &[f32; SEEN], state: &mut State) -> Result<f32, ort::Error> {
    let rate = [8000_i64];
    let outputs = session.run(ort::inputs![
        "input" => TensorRef::from_array_view(([1, SEEN], seen.as_slice()))?,
        "state" => TensorRef::from_array_view((STATE, state.as_slice()))?,
        "sr" => TensorRef::from_array_view(([0_usize; 0], rate.as_slice()))?,
    ])?;
    let mut next = [0.0; 256];
    let output =
        |name: &str| outputs.get(name).ok_or_else(|| ort::Error::new(format!("it has no output {name:?}")));
    let (_, probability) = output("output")?.try_extract_tensor::<f32>()?;
    let (_, values) = output("stateN")?.try_extract_tensor::<f32>()?;
    for (to, from) in next.iter_mut().zip(values) {
        *to = *from;
    }
    let [probability] = probability else {
        return Err(ort::Error::new("its output is not one probability"));
    };
    let probability = *probability;
    drop(outputs);
    *state = next;
    Ok(probability)
}

fn session(environment: &Environment, model: &Path) -> Result<Session, String> {
    // the errors have the builder in them, and are of different types
    let builder = Session::builder(environment).map_err(|e| e.to_string())?;
    let mut builder = builder.with_intra_threads(1).map_err(|e| e.to_string())?;
    builder.commit_from_file(model).map_err(|e| e.to_string())
}

/// The process's one environment. ONNX Runtime is not unloaded, and not loaded twice.
fn environment(library: &Path) -> Result<Environment, OnnxError> {
    static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);
    let failed = |reason: String| OnnxError::Library { path: library.to_owned(), reason };
    // as it is, a relative path would be looked for beside the program
    let path = library.canonicalize().map_err(|e| failed(e.to_string()))?;
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((loaded, environment)) = &*loaded {
        return if *loaded == path {
            Ok(environment.clone())
        } else {
            Err(OnnxError::SecondLibrary { loaded: loaded.clone(), path })
        };
    }
    let builder = ort::init_from(&path).map_err(|e| failed(e.to_string()))?;
    let environment =
        builder.with_name("cordboard").with_telemetry(false).build().map_err(|e| failed(e.to_string()))?;
    *loaded = Some((path, environment.clone()));
    Ok(environment)
}
