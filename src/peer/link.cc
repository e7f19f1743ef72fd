#include "peer/link.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "codec/reader.h"
#include "codec/writer.h"

namespace quorate::peer {
namespace {

constexpr int kQuestionAfterLimits = 5;  // silence limits without a connection

std::string milliseconds_text(Duration span) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(span).count()) + " ms";
}

/// Why a connection could not be made or ended, in the words of a status line.
std::string words(const Loss& loss) {
  switch (loss.reason) {
    case env::CloseReason::refused: return "refused";
    case env::CloseReason::reset: return "reset by the other side";
    case env::CloseReason::remote: return "closed by the other side";
    case env::CloseReason::local:
    case env::CloseReason::unreachable: break;
  }
  return std::string(loss.detail);
}

std::uint64_t stamp(Instant now) { return static_cast<std::uint64_t>(now.time_since_epoch().count()); }

}  // namespace

void MeshContext::lay_aside(std::unique_ptr<Connection> connection) {
  if (connection != nullptr) {
    connection->close();
    if (ended.empty()) {
      loop.defer(Callback<>::to<&MeshContext::clear_ended>(this));
    }
    ended.push_back(std::move(connection));
  }
}

void MeshContext::clear_ended(std::uint64_t /*token*/) { ended.clear(); }

Link::Link(MeshContext& context, Peer peer) : context_(context), peer_(std::move(peer)) {
  status_.node = peer_.node;
  status_.last_error = connects() ? "not connected yet" : "has not connected yet";
  back_off_ = context_.config.reconnect_min;
}

Link::~Link() { context_.loop.cancel(timer_); }

void Link::start() {
  if (connects()) {
    connect(0);
  } else {
    schedule_question();
  }
}

void Link::close() {
  go_down("no longer a member", true);
  context_.loop.cancel(timer_);
  timer_ = 0;
  state_ = State::closed;
}

Hello Link::own_hello() const {
  return Hello{.cluster = context_.config.cluster,
               .from = context_.config.self,
               .to = peer_.node,
               .life = context_.config.life,
               .attempt = attempt_,
               .consensus = context_.config.consensus,
               .quorum_sizes = context_.config.quorum_sizes};
}

// Connecting and greeting.

void Link::connect(std::uint64_t /*token*/) {
  timer_ = 0;
  ++attempt_;
  state_ = State::connecting;
  accepted_ = false;
  connection_ = std::make_unique<Connection>(*this);
  connection_->connect(context_.transport, peer_.address);
  arm(context_.clock.now() + context_.config.silence_limit);
}

void Link::on_connected(Connection& /*connection*/) {
  state_ = State::greeting;
  connection_->send(FrameType::hello, context_.config.life.incarnation, encode_hello(own_hello()));
}

void Link::handle_greeting(const Frame& frame) {
  if (frame.type == FrameType::refusal) {
    handle_refusal(frame);
    return;
  }
  if (frame.type != FrameType::hello) {
    trace("peer.early_frame");  // overtook the hello; links promise nothing
    return;
  }
  const Result<Hello> hello = decode_hello(frame.body.view());
  if (!hello) {
    damaged(hello.error().text);
    return;
  }
  std::optional<Refusal> refusal = judge_hello(*hello, own_hello(), true);
  if (!refusal) {
    refusal = judge_met(*hello);
  }
  if (refusal) {
    trace(trace_name(refusal->code), static_cast<std::uint64_t>(refusal->code));
    connection_->send(FrameType::refusal, context_.config.life.incarnation, encode_refusal(*refusal));
    report_rejection(refusal->text);
    go_down(refusal->text, true);
    return;
  }
  meet(*hello);
}

void Link::handle_refusal(const Frame& frame) {
  const Result<Refusal> refusal = decode_refusal(frame.body.view());
  if (!refusal) {
    damaged(refusal.error().text);
    return;
  }
  trace("peer.refused_by", static_cast<std::uint64_t>(refusal->code));
  const bool only_asked = !connects() && !accepted_;
  const bool mendable = refusal->code != RefusalCode::older_attempt && !only_asked;
  if (mendable) {
    report_rejection(refusal->text);
  }
  go_down(only_asked ? "has not connected yet" : refusal->text, mendable);
  if (refusal->code == RefusalCode::removed) {
    context_.events.on_removed(refusal->text);
  }
}

std::optional<Refusal> Link::judge_met(const Hello& hello) const {
  const Life* met = context_.met.find(peer_.node);
  return met == nullptr ? std::nullopt : judge_life(hello, *met, context_.config.self);
}

std::optional<Refusal> Link::judge_again(const Hello& hello) const {
  if (std::optional<Refusal> refusal = judge_met(hello)) {
    return refusal;
  }
  if (hello.life == peer_life_ && hello.attempt <= peer_attempt_) {
    return Refusal{RefusalCode::older_attempt, "a newer connection of this node is there already"};
  }
  return std::nullopt;
}

void Link::adopt(std::unique_ptr<Connection> connection, const Hello& hello) {
  if (state_ != State::waiting) {
    go_down(hello.life == peer_life_ ? "connected anew" : "restarted", false);
  }
  connection_ = std::move(connection);
  connection_->set_owner(*this);
  ++attempt_;
  peer_attempt_ = hello.attempt;
  accepted_ = true;
  arm(context_.clock.now() + context_.config.silence_limit);
  meet(hello);
}

void Link::meet(const Hello& hello) {
  state_ = State::noting;
  peer_life_ = hello.life;
  if (context_.met.note(peer_.node, peer_life_)) {
    on_life_noted();
  }
}

void Link::on_life_noted() {
  if (state_ != State::noting || !context_.met.note(peer_.node, peer_life_)) {
    return;
  }
  connection_->allow_messages(context_.config.max_frame_bytes);
  if (accepted_) {
    state_ = State::answered;
    connection_->send(FrameType::hello, context_.config.life.incarnation, encode_hello(own_hello()));
  } else {
    come_up();
  }
}

/// The other side speaks when it has accepted our hello, and only then.
void Link::handle_answered(Frame& frame) {
  if (frame.type == FrameType::refusal) {
    handle_refusal(frame);
  } else if (frame.type != FrameType::hello && frame.sender == peer_life_.incarnation) {
    come_up();
    handle_established(frame);
  } else {
    trace("peer.early_frame");
  }
}

void Link::report_rejection(std::string_view text) {
  status_.last_error = text;
  if (reported_rejection_ != text) {
    reported_rejection_ = text;
    context_.events.on_peer_rejected(peer_.node, text);
  }
}

void Link::come_up() {
  const Instant now = context_.clock.now();
  state_ = State::up;
  status_.up = true;
  status_.life = peer_life_;
  status_.last_error.clear();
  reported_rejection_.clear();
  up_since_ = last_heard_ = now;
  echo_ = 0;
  if (connects()) {
    send_heartbeat(FrameType::heartbeat, now);
    next_heartbeat_ = now + context_.config.heartbeat_interval;
  } else {
    next_heartbeat_ = Instant::max();
  }
  arm(std::min(next_heartbeat_, last_heard_ + context_.config.silence_limit));
  trace("peer.link_up", peer_life_.incarnation.value());
  context_.events.on_peer_up(peer_.node, peer_life_.incarnation);
}

void Link::go_down(std::string why, bool patient) {
  const bool was_up = state_ == State::up;
  context_.lay_aside(std::move(connection_));
  batch_.clear();
  state_ = State::waiting;
  status_.up = false;
  status_.last_error = why;
  context_.loop.cancel(timer_);
  timer_ = 0;
  if (was_up && context_.clock.now() - up_since_ >= context_.config.reconnect_max) {
    back_off_ = context_.config.reconnect_min;  // it was a healthy link, not one that flaps
  }
  if (connects()) {
    schedule_connect(patient);
  } else {
    schedule_question();
  }
  if (was_up) {
    trace("peer.link_down", peer_life_.incarnation.value());
    context_.events.on_peer_down(peer_.node, peer_life_.incarnation, why);
  }
}

void Link::schedule_connect(bool patient) {
  if (patient) {
    back_off_ = context_.config.reconnect_max;
  }
  const auto longest = static_cast<std::uint64_t>(back_off_.count());
  const Duration delay(static_cast<Duration::rep>(context_.entropy.between(longest / 2, longest)));
  back_off_ = std::min(back_off_ * 2, context_.config.reconnect_max);
  timer_ = context_.loop.arm(context_.clock.now() + delay, Callback<>::to<&Link::connect>(this));
}

/// Whoever has the greater id waits to be connected, for ever if it was removed and has not heard of it. So it asks now
/// and then: a peer that knows it says that it has to wait, another one why it need not.
void Link::schedule_question() {
  timer_ = context_.loop.arm(context_.clock.now() + kQuestionAfterLimits * context_.config.silence_limit,
                             Callback<>::to<&Link::connect>(this));
}

void Link::on_lost(Connection& /*connection*/, const Loss& loss) {
  if (loss.by_damage) {
    damaged(loss.detail);
    return;
  }
  if (loss.reason == env::CloseReason::refused) {
    // The host answers, so its process is about to start or was just killed: ask often, it costs little.
    back_off_ = std::min(back_off_, std::max(context_.config.reconnect_min, context_.config.reconnect_max / 8));
  }
  go_down(words(loss), false);
}

void Link::damaged(std::string_view what) {
  ++status_.damaged_frames;
  trace("peer.damaged_frame");
  go_down("damaged: " + std::string(what), false);
}

// Established.

void Link::on_heard(Connection& /*connection*/, std::size_t bytes) {
  status_.received_bytes += bytes;
  if (state_ == State::up) {
    last_heard_ = context_.clock.now();
  }
}

void Link::on_frame(Connection& /*connection*/, Frame& frame) {
  switch (state_) {
    case State::up: handle_established(frame); return;
    case State::answered: handle_answered(frame); return;
    case State::noting: trace("peer.early_frame"); return;  // also a refusal: the connection ends with it
    case State::waiting:
    case State::connecting:
    case State::greeting:
    case State::closed: handle_greeting(frame); return;
  }
}

void Link::handle_established(Frame& frame) {
  if (frame.sender != peer_life_.incarnation) {
    ++status_.stale_frames;  // sent by an earlier life, or one that has not shaken hands
    trace("peer.stale_frame", frame.sender.value());
    return;
  }
  switch (frame.type) {
    case FrameType::message: deliver(frame); return;
    case FrameType::heartbeat:
    case FrameType::heartbeat_answer: handle_heartbeat(frame); return;
    case FrameType::hello:  // repeated on the way
      trace("peer.repeated_hello");
      return;
    case FrameType::refusal:  // the other side changed its mind: it took a newer connection
      go_down("closed by the other side", false);
      return;
    case FrameType::question:
    case FrameType::members: damaged("a question among members"); return;
  }
}

void Link::deliver(Frame& frame) {
  if (frame.channel < static_cast<std::uint8_t>(Channel::consensus) ||
      frame.channel > static_cast<std::uint8_t>(Channel::mending)) {
    damaged("a message for unknown channel " + std::to_string(frame.channel));
    return;
  }
  context_.events.on_message(peer_.node, static_cast<Channel>(frame.channel), frame.group, std::move(frame.body));
}

void Link::handle_heartbeat(const Frame& frame) {
  const Instant now = context_.clock.now();
  codec::Reader reader(frame.body.view());
  const std::uint64_t sent_at = reader.u64();
  const std::uint64_t echo = reader.u64();
  const std::uint64_t held = reader.u64();
  if (!reader.ok()) {
    damaged("a heartbeat that is too short");
    return;
  }
  const std::uint64_t elapsed = stamp(now) - echo;
  if (echo != 0 && echo <= stamp(now) && held <= elapsed) {
    status_.round_trip = Duration(static_cast<Duration::rep>(elapsed - held));
  }
  echo_ = sent_at;
  echo_since_ = now;
  if (frame.type == FrameType::heartbeat) {
    send_heartbeat(FrameType::heartbeat_answer, now);
  }
}

/// Time stamps are the sender's own clock, which only the sender ever compares.
void Link::send_heartbeat(FrameType type, Instant now) {
  codec::Writer body;
  body.u64(stamp(now));
  body.u64(echo_);
  body.u64(echo_ == 0 ? 0 : stamp(now) - stamp(echo_since_));
  const Buffer part = body.take_buffer();
  batch_.add(Frame{.type = type, .sender = context_.config.life.incarnation}, {&part, 1});
  request_flush();
}

bool Link::send(Channel channel, GroupId group, std::span<const Buffer> parts) {
  std::size_t bytes = 0;
  for (const Buffer& part : parts) {
    bytes += part.size();
  }
  const std::size_t limit = context_.config.max_queue_bytes;
  const bool fits = bytes <= context_.config.max_frame_bytes &&
                    batch_.bytes() + bytes + kFrameHeaderBytes + (is_up() ? connection_->unsent_bytes() : 0) <= limit;
  if (!is_up() || !fits) {
    ++status_.dropped_frames;
    trace(is_up() ? "peer.queue_full" : "peer.sent_while_down", bytes);
    return false;
  }
  batch_.add(Frame{.type = FrameType::message,
                   .channel = static_cast<std::uint8_t>(channel),
                   .group = group,
                   .sender = context_.config.life.incarnation},
             parts);
  request_flush();
  return true;
}

void Link::request_flush() {
  if (!flush_requested_) {
    flush_requested_ = true;
    context_.loop.defer(Callback<>::to<&Link::flush>(this));
  }
}

void Link::flush(std::uint64_t /*token*/) {
  flush_requested_ = false;
  if (is_up()) {
    status_.sent_bytes += batch_.bytes();
    connection_->send(batch_);
  }
}

void Link::arm(Instant deadline) {
  context_.loop.cancel(timer_);
  timer_ = context_.loop.arm(deadline, Callback<>::to<&Link::on_timer>(this));
}

void Link::on_timer(std::uint64_t /*token*/) {
  timer_ = 0;
  if (state_ != State::up) {
    go_down(state_ == State::connecting ? "timed out" : "connected, but does not answer", false);
    return;
  }
  const Instant now = context_.clock.now();
  if (now - last_heard_ >= context_.config.silence_limit) {
    go_down("silent for " + milliseconds_text(now - last_heard_), false);
    return;
  }
  if (now >= next_heartbeat_) {
    send_heartbeat(FrameType::heartbeat, now);
    next_heartbeat_ = now + context_.config.heartbeat_interval;
  }
  arm(std::min(next_heartbeat_, last_heard_ + context_.config.silence_limit));
}

void Link::trace(std::string_view name, std::uint64_t b) const {
  context_.traces.trace({.name = name, .a = peer_.node.value(), .b = b});
}

}  // namespace quorate::peer
