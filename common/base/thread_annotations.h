// Clang's thread-safety attributes: which mutex guards what, checked at compile time by --config=clang and ignored by
// other compilers. They work on the Mutex of common/base/mutex.h.
#ifndef DOWNPOUR_COMMON_BASE_THREAD_ANNOTATIONS_H_
#define DOWNPOUR_COMMON_BASE_THREAD_ANNOTATIONS_H_

#if defined(__clang__)
#define DP_THREAD_ATTRIBUTE(attribute) __attribute__((attribute))
#else
#define DP_THREAD_ATTRIBUTE(attribute)
#endif

// On a member: read and written only with the mutex held (for PT: what the pointer points to).
#define DP_GUARDED_BY(mutex) DP_THREAD_ATTRIBUTE(guarded_by(mutex))
#define DP_PT_GUARDED_BY(mutex) DP_THREAD_ATTRIBUTE(pt_guarded_by(mutex))

// On a function: the caller holds the mutexes; the caller does not hold them.
#define DP_REQUIRES(...) DP_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define DP_EXCLUDES(...) DP_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))

// On a function: takes the mutexes and returns holding them; releases them; takes them if it returns `success`.
#define DP_ACQUIRE(...) DP_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define DP_RELEASE(...) DP_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define DP_TRY_ACQUIRE(success, ...) DP_THREAD_ATTRIBUTE(try_acquire_capability(success, ##__VA_ARGS__))

// On a function: tells the analysis that the mutex is held here; returns a reference to the mutex.
#define DP_ASSERT_HELD(mutex) DP_THREAD_ATTRIBUTE(assert_capability(mutex))
#define DP_RETURN_CAPABILITY(mutex) DP_THREAD_ATTRIBUTE(lock_returned(mutex))

// On a mutex member: the order in which two mutexes are taken.
#define DP_ACQUIRED_BEFORE(...) DP_THREAD_ATTRIBUTE(acquired_before(__VA_ARGS__))
#define DP_ACQUIRED_AFTER(...) DP_THREAD_ATTRIBUTE(acquired_after(__VA_ARGS__))

// On a class: it is a mutex; it holds one for as long as it lives.
#define DP_CAPABILITY(name) DP_THREAD_ATTRIBUTE(capability(name))
#define DP_SCOPED_CAPABILITY DP_THREAD_ATTRIBUTE(scoped_lockable)

// On a function whose locking the analysis cannot follow. Say in a comment why it is right.
#define DP_NO_THREAD_SAFETY_ANALYSIS DP_THREAD_ATTRIBUTE(no_thread_safety_analysis)

#endif  // DOWNPOUR_COMMON_BASE_THREAD_ANNOTATIONS_H_
