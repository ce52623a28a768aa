;; A component that is no step: it exports neither world.
(component)
