// The microphone beside the box: what is spoken goes to the server piece by piece, and the text so far stands in the
// box. The next piece goes when the one before is answered, so that a slow machine is asked less often.
window.skylarkVoice = (() => {
  const MOST_SECONDS = 58, LEAST_SECONDS = .5, ANSWERED_WITHIN = 60000;
  // Samples are handed over as the sound card gives them; a worklet's code is a file of its own.
  const WORKLET = `registerProcessor('skylark-samples', class extends AudioWorkletProcessor {
    process([input]) { if (input[0]) this.port.postMessage(input[0].slice()); return true; } });`;
  let now = null;  // the recording that is under way or waited for
  let button = null, trigger = null;

  const tell = (words) => skylarkAsk.tell(words);

  function show(state) {
    if (!button) return;
    button.classList.toggle('sk-recording', state === 'on');
    button.classList.toggle('sk-hearing', state === 'hearing');
    button.setAttribute('aria-pressed', String(state === 'on'));
    button.setAttribute('aria-label', state === 'on' ? 'Stop recording' : 'Ask by voice');
    button.title = button.getAttribute('aria-label');
    if (state !== 'on') button.style.removeProperty('--sk-loud');
  }

  function refused(error) {
    if (error?.name === 'NotAllowedError') return 'The microphone is not allowed here: allow it in the browser, or type.';
    if (error?.name === 'NotFoundError') return 'No microphone was found: type the question.';
    return 'The microphone cannot be used on this page: type the question.';
  }

  async function start() {
    const recording = {name: crypto.getRandomValues(new Uint32Array(3)).join('-'), number: 0, pieces: [], count: 0,
      total: 0, waits: false, ready: false, ended: false};
    now = recording;
    try {
      // Only pages that come over https, or from this machine, have one.
      if (!navigator.mediaDevices?.getUserMedia) throw new Error('no microphone');
      recording.stream = await navigator.mediaDevices.getUserMedia({audio: {channelCount: 1, echoCancellation: false, noiseSuppression: false}});
      const context = recording.context = new AudioContext();
      const code = URL.createObjectURL(new Blob([WORKLET], {type: 'text/javascript'}));
      await context.audioWorklet.addModule(code);
      URL.revokeObjectURL(code);
      if (now !== recording) return close(recording);
      const samples = new AudioWorkletNode(context, 'skylark-samples');
      samples.port.onmessage = ({data}) => take(recording, data);
      context.createMediaStreamSource(recording.stream).connect(samples);
      await context.resume();
      if (now !== recording) return close(recording);
      recording.ready = true;
    } catch (error) {
      close(recording);
      if (now === recording) { now = null; tell(refused(error)); }
      return;
    }
    show('on');
    tell('Listening … press the microphone again when you have asked.');
  }

  function take(recording, samples) {
    if (recording.ended) return;
    recording.pieces.push(samples);
    recording.count += samples.length;
    recording.total += samples.length;
    const loud = Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length);
    button?.style.setProperty('--sk-loud', Math.min(1, loud * 6).toFixed(2));
    if (recording.total >= MOST_SECONDS * recording.context.sampleRate) stop();
    else send(recording);
  }

  function close(recording) {
    recording.ended = true;
    recording.stream?.getTracks().forEach((track) => track.stop());
    recording.context?.close().catch(() => {});
  }

  // Sixteen bits a sample, in base64.
  function packed(recording) {
    const whole = new Int16Array(recording.count);
    let at = 0;
    for (const piece of recording.pieces) for (const one of piece) whole[at++] = Math.max(-1, Math.min(1, one)) * 32767;
    recording.pieces = [];
    recording.count = 0;
    const bytes = new Uint8Array(whole.buffer);
    let letters = '';
    for (let from = 0; from < bytes.length; from += 32768) letters += String.fromCharCode(...bytes.subarray(from, from + 32768));
    return btoa(letters);
  }

  function send(recording) {
    const {sampleRate: rate} = recording.context;
    if (recording.waits || (!recording.ended && recording.count < LEAST_SECONDS * rate)) return;
    recording.waits = true;
    clearTimeout(recording.late);
    recording.late = setTimeout(() => lost(recording), ANSWERED_WITHIN);
    const last = recording.ended;
    trigger('input', {recording: recording.name, number: recording.number++, rate, samples: packed(recording), last});
  }

  function lost(recording) {
    if (now !== recording) return;
    forget();
    tell('What was spoken was not answered in time: try again, or type.');
  }

  // The speaker is done: what is left is sent, and the whole is heard.
  function stop() {
    const recording = now;
    if (!recording?.ready || recording.ended) return;
    close(recording);
    show('hearing');
    tell('Hearing what you asked …');
    send(recording);
  }

  // Nothing more is wanted of it, since something else is asked.
  function forget() {
    if (!now) return;
    close(now);
    clearTimeout(now.late);
    now = null;
    show('off');
  }

  // The server refused a piece, since too many ask at once say.
  function failed() {
    if (!now?.waits) return;
    forget();
    tell('What was spoken cannot be heard at the moment: try again in a minute, or type.');
  }

  function heard(answer) {
    const recording = now;
    if (!answer || !recording || answer.recording !== recording.name) return;
    recording.waits = false;
    clearTimeout(recording.late);
    if (answer.text) skylarkAsk.write(answer.text);
    if (!answer.over) return send(recording);
    forget();
    tell(answer.told || '');
    document.querySelector('#ask_question textarea')?.focus();
  }

  function attach({element, trigger: asks}) {
    button = element.querySelector('button');
    trigger = asks;
    button?.addEventListener('click', () => {
      if (!now) start();
      else if (now.ready && !now.ended) stop();
      else { forget(); tell(''); }
    });
  }
  // What a visitor types is not written over by what is heard.
  addEventListener('input', ({isTrusted, target}) => {
    if (!isTrusted || !now || !target.closest?.('#ask_question')) return;
    forget();
    tell('Not listening any more, since you type.');
  });
  return {attach, failed, forget, heard};
})();
