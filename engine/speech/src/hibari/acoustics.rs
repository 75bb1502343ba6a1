//! The acoustic model: from phonemes to spectra, by `rten`, which runs the ONNX file in this process.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rten::{Model, NodeId, RunOptions, ThreadPool};
use rten_tensor::{NdTensor, Tensor};

use super::waveform::Spectra;

/// Silence before the first and after the last phoneme.
const PAD: i32 = 0;

/// The network with its alphabet.
pub(super) struct Acoustics {
    model: Model,
    inputs: [NodeId; 2],
    outputs: [NodeId; 6],
    alphabet: HashMap<char, i32>,
}

impl Acoustics {
    /// Reads the network and the numbers of its phonemes. The error says what is wrong.
    pub(super) fn load(model: &Path, alphabet: HashMap<char, i32>) -> Result<Self, String> {
        let model = Model::load_file(model).map_err(|error| error.to_string())?;
        let node = |name: &str| model.node_id(name).map_err(|error| error.to_string());
        Ok(Self {
            inputs: [node("ids")?, node("speed")?],
            outputs: [
                node("lh")?,
                node("theta")?,
                node("ln")?,
                node("lr")?,
                node("phi")?,
                node("f0")?,
            ],
            model,
            alphabet,
        })
    }

    /// The spectra of phonemes, spoken at `speed` times the model's own pace. Characters outside of
    /// the alphabet are left out; without any other one there is nothing to speak.
    pub(super) fn predict(
        &self,
        phonemes: &str,
        speed: f32,
        threads: &Arc<ThreadPool>,
    ) -> Result<Option<Spectra>, String> {
        let mut ids = vec![PAD];
        ids.extend(
            phonemes
                .chars()
                .filter_map(|phoneme| self.alphabet.get(&phoneme)),
        );
        if ids.len() == 1 {
            return Ok(None);
        }
        ids.push(PAD);
        let [ids_at, speed_at] = self.inputs;
        let inputs = vec![
            (ids_at, NdTensor::from_data([1, ids.len()], ids).into()),
            (speed_at, NdTensor::from_data([1], vec![speed]).into()),
        ];
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(threads)));
        let made = self
            .model
            .run(inputs, &self.outputs, Some(options))
            .map_err(|error| error.to_string())?;
        let mut parts = made.into_iter().map(|part| {
            let part: Tensor<f32> = part.try_into().map_err(|error| format!("{error}"))?;
            Ok::<_, String>(part.into_data())
        });
        let mut next = || parts.next().ok_or("the model has too few outputs")?;
        let spectra = Spectra {
            harmonic: next()?,
            rotation: next()?,
            noise: next()?,
            free: next()?,
            phase: next()?,
            pitch: next()?,
            frames: 0,
        };
        let frames = spectra.pitch.len();
        Ok(Some(Spectra { frames, ..spectra }))
    }
}
