"use strict";
const POLL_MS = 1000;
const CONNECT_MS = 5000;
const GATHER_MS = 1000;
const TONES = { gpu: "good", software: "bad", cpu: "warn", broken: "bad", unknown: "warn", none: "" };
const at = (name) => document.getElementById(name);
const put = (name, text) => { at(name).textContent = text; };
let before = null;
let lost = false;
let tried = false;

function age(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s old`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min old`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h old`;
  return `${Math.round(seconds / 86400)} days old`;
}

function tile(name, value, text) {
  at(name).parentElement.hidden = value === null || value === undefined;
  if (value !== null && value !== undefined) put(name, text(value));
}

function withNote(name, text, note) {
  const small = document.createElement("small");
  small.textContent = note;
  at(name).replaceChildren(text, small);
}

function stages(rows, bound) {
  const body = at("stages");
  const most = Math.max(...rows.map((row) => row.mean_ms), 0.001);
  body.replaceChildren(...rows.map((row) => {
    const line = document.createElement("tr");
    if (row.name === bound) line.dataset.bounds = "";
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = row.name === bound ? `${row.name} (bounds)` : row.name;
    line.append(head);
    for (const value of [row.mean_ms, row.p99_ms]) {
      const cell = document.createElement("td");
      cell.textContent = value.toFixed(1);
      line.append(cell);
    }
    const meter = document.createElement("meter");
    meter.max = most;
    meter.value = row.mean_ms;
    meter.setAttribute("aria-label", `${row.name}: ${row.mean_ms.toFixed(1)} ms`);
    const cell = document.createElement("td");
    cell.append(meter);
    line.append(cell);
    return line;
  }));
}

function show(now) {
  put("state", now.state);
  at("state").dataset.state = now.state;
  const verdict = now.verdict;
  const known = verdict.verdict === "none" ? "not verified" : verdict.verdict;
  withNote("verdict", known, verdict.age_s === null ? "" : age(verdict.age_s));
  at("verdict").dataset.tone = TONES[verdict.verdict] || "";
  const notes = [["verdict", verdict.reason], ["picture", now.picture_problem]];
  put("reason", notes.filter((note) => note[1]).map((note) => note.join(": ")).join("; "));
  const board = now.board;
  tile("gpu_load", board.gpu_load, (value) => `${Math.round(value * 100)} %`);
  tile("hottest_c", board.hottest_c, (value) => `${value.toFixed(1)} °C`);
  tile("power_w", board.power_w, (value) => `${value.toFixed(1)} W`);
  tile("memory", board.memory_available_bytes, (value) => `${(value / 2 ** 30).toFixed(1)} GiB`);
  if (now.done === undefined) return;
  withNote("backend", now.backend, now.task + (now.threads ? `, ${now.threads} threads` : ""));
  put("source", now.source);
  put("done", now.done);
  put("dropped", now.dropped);
  put("latency", `${now.latency_median_ms.toFixed(0)} ms`);
  put("latency_p99", `${now.latency_p99_ms.toFixed(0)} ms`);
  if (before && before.done !== undefined && now.time_s > before.time_s) {
    put("fps", ((now.done - before.done) / (now.time_s - before.time_s)).toFixed(1));
  }
  stages(now.stages, now.bound);
  before = now;
}

// The picture by WebRTC where it is offered and a connection comes about; else the stream stays.
async function connect() {
  const peer = new RTCPeerConnection();
  const video = at("video");
  const back = () => {
    if (peer.signalingState === "closed") return;
    peer.close();
    video.srcObject = null;
    video.hidden = true;
    at("picture").hidden = false;
    at("picture").src = `/stream.mjpg?${Date.now()}`;
  };
  const late = setTimeout(back, CONNECT_MS);
  peer.addTransceiver("video", { direction: "recvonly" });
  peer.ontrack = ({ track }) => {
    video.srcObject = new MediaStream([track]);
    // Where a browser tells of the sender's end by the track; Chromium does by the connection, 6 s later.
    track.onmute = track.onended = back;
  };
  // Its size is known: pictures come. A hidden one would not begin to play.
  video.onloadedmetadata = () => {
    clearTimeout(late);
    video.hidden = false;
    video.play().catch(() => {});
    at("picture").hidden = true;
    at("picture").removeAttribute("src");
  };
  peer.onconnectionstatechange = () => {
    if (["failed", "disconnected", "closed"].includes(peer.connectionState)) back();
  };
  try {
    await peer.setLocalDescription();
    if (peer.iceGatheringState !== "complete") {
      await new Promise((done) => {
        peer.onicegatheringstatechange = () => { if (peer.iceGatheringState === "complete") done(); };
        setTimeout(done, GATHER_MS);
      });
    }
    const answer = await fetch(`${location.origin}/offer`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(peer.localDescription),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    await peer.setRemoteDescription(await answer.json());
  } catch {
    clearTimeout(late);
    back();
  }
}

async function poll() {
  try {
    // Of the origin: an address with a password in it is none that may be fetched.
    const answer = await fetch(`${location.origin}/status.json`, { cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const now = await answer.json();
    show(now);
    if (now.webrtc && !tried && window.RTCPeerConnection) connect();
    tried = true;
    // A stream that broke does not come back by itself.
    if (lost && at("video").hidden) at("picture").src = `/stream.mjpg?${Date.now()}`;
    lost = false;
  } catch {
    lost = true;
    before = null;
    put("state", "no answer");
    at("state").dataset.state = "lost";
  }
  setTimeout(poll, POLL_MS);
}

at("picture").addEventListener("error", () => { lost = true; });
poll();
